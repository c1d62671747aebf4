"""lab: private, throw-away servers for tests and the demo: susmilter, Postfix, Sendmail, DNS.

    with Lab(build) as lab:
        dns = lab.dns("example.org TXT \"v=spf1 -all\"\n")
        daemon = lab.daemon(CONF, lists={"dialup.cidr": "198.51.100.0/24\n"})
        postfix = lab.postfix(daemon)
        with postfix.session("198.51.100.7", helo="mx.example") as s:
            print(s.mail("a@example.org"), s.rcpt("b@example.net"))

Everything lives in one scratch folder and on loopback, is ended by its own pid, and is gone when
the `with` is left, whatever happened.  Each server is a file of its own beside this one.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from exim import Exim
from nameserver import Dns
from postfix import Postfix
from sendmail import Sendmail
from server import Server, free_port, port_open, wait_for  # noqa: F401 (tests find them here)
from susmilter import Daemon

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
# In a build with SANITIZER= each program leaves what is found in it in a file of its own.  A worker
# that ends takes its threads with it: whether one had just ended and was not joined yet is chance.
SANITIZERS = {"ASAN_OPTIONS": "", "UBSAN_OPTIONS": ":print_stacktrace=1",
              "LSAN_OPTIONS": ":print_suppressions=0",
              "TSAN_OPTIONS": f":report_thread_leaks=0:suppressions={HERE / 'tsan.supp'}"}
# ThreadSanitizer makes a program up to ten times as slow; one that is not optimized and counts its
# lines (COVERAGE=yes) takes three times as long.
SLOWER, SLOWER_COUNTED = 10, 3


def instrumented(build):
    """Whether this is a build with SANITIZER=: slower, and with memory that is the sanitizer's."""
    program = (pathlib.Path(build) / "susmilter").read_bytes()
    return any(mark in program for mark in (b"__asan_init", b"__tsan_init", b"__ubsan_handle"))


def slowness(build):
    """A bar in seconds, set for a plain build, is multiplied by this."""
    if instrumented(build):
        return SLOWER
    counted = b"libgcov" in (pathlib.Path(build) / "susmilter").read_bytes()
    return SLOWER_COUNTED if counted else 1


def become_root(why):
    """Starts this program again through sudo where it is not root; says why when it cannot."""
    if os.geteuid() == 0:
        return
    if not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], capture_output=True,
                                                  check=False).returncode != 0:
        sys.exit(f"{why}, which takes root. Please run it as root, or where sudo works.")
    os.execvp("sudo", ["sudo", "-n", sys.executable, *sys.argv])


class Lab:
    def __init__(self, build, keep=False):
        self.build = pathlib.Path(build).resolve()
        self.slowness = slowness(self.build)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="susmilter-lab."))
        self.dir.chmod(0o755)
        self.keep = keep
        self.servers = []
        self.findings = self.dir / "findings"
        self.findings.mkdir()
        self.findings.chmod(0o1777)  # for a daemon that has given up root, too
        for name, more in SANITIZERS.items():
            os.environ[name] = f"log_path={self.findings / 'in'}{more}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        failed = False
        for server in reversed(self.servers):
            try:
                server.stop()
            except Exception as e:  # the others must be stopped all the same
                print(f"{type(server).__name__}: {e}", file=sys.stderr)
                failed = True
        for found in sorted(self.findings.iterdir()):
            print(f"a sanitizer found:\n{found.read_text(errors='replace')}", file=sys.stderr)
            failed = True
        if self.keep:
            print(f"kept: {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        if failed:
            sys.exit("not all ended as it should")

    def _add(self, server):
        self.servers.append(server)
        return server

    def daemon(self, conf, lists=None, name="susmilter", socket_spec=None, env=None, milter="",
               decisions=None, state=None, prefix=(), owner=None):
        """milter: more of that section; decisions, state: another place for the log, for copies;
        prefix: a command that starts it in its own place (exec); owner: who the folder belongs to."""
        return self._add(Daemon(self, name, conf, lists, socket_spec, env or {}, milter,
                                decisions, state, prefix, owner))

    def process(self, argv, **options):
        """Any other program that must end with the lab."""
        return self._add(Server(argv, **options))

    def dns(self, zone, name="zone"):
        return self._add(Dns(self, zone, name))

    def postfix(self, daemon, name="postfix", listen=("127.0.0.1",), **settings):
        """daemon: a Daemon, or None for a Postfix without a milter."""
        return self._add(Postfix(self, name, self.milter(daemon) if daemon else "", listen,
                                 settings))

    @staticmethod
    def milter(daemon):
        """Postfix spells inet:PORT@HOST as inet:HOST:PORT."""
        kind, rest = daemon.milter.split(":", 1)
        if kind == "unix":
            return daemon.milter
        port, host = rest.split("@")
        return f"inet:{host}:{port}"

    def sendmail(self, daemon, name="sendmail", listen=("127.0.0.1",), host="mx.sm.lab.test",
                 relay_port=0, equates=Sendmail.EQUATES, more=""):
        """daemon: a Daemon, or None for one without a milter; equates: flags and times of the line
        X.  What it accepts waits in its queue until flush() hands it to relay_port on 127.0.0.1,
        where another host must answer.  more: lines of its sendmail.mc."""
        return self._add(Sendmail(self, name, self.build / "sendmail",
                                  daemon.milter if daemon else "", listen, host, relay_port,
                                  equates, more))

    def exim(self, socket, name="exim", **options):
        """socket: of susmilter's policy door, as ${readsocket} takes it."""
        return self._add(Exim(self, name, self.build / "exim", socket, **options))
