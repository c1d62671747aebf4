"""lab: private, throw-away servers for tests and the demo: susmilter, Postfix, Sendmail, DNS.

    with Lab(build) as lab:
        dns = lab.dns("example.org TXT \"v=spf1 -all\"\n")
        daemon = lab.daemon(CONF, lists={"dialup.cidr": "198.51.100.0/24\n"})
        postfix = lab.postfix(daemon.milter)
        with postfix.session("198.51.100.7", helo="mx.example") as s:
            print(s.mail("a@example.org"), s.rcpt("b@example.net"))

Everything lives in one scratch folder and on loopback, is ended by its own pid, and is gone when
the `with` is left, whatever happened.
"""
import json
import os
import pathlib
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
# In a build with SANITIZER= each program leaves what is found in it in a file of its own.
SANITIZERS = {"ASAN_OPTIONS": "", "UBSAN_OPTIONS": ":print_stacktrace=1",
              "LSAN_OPTIONS": ":print_suppressions=0",
              "TSAN_OPTIONS": f":suppressions={HERE / 'tsan.supp'}"}
# ThreadSanitizer makes a program up to ten times as slow.
SLOWER = 10
USERS = {"alice": "secret1", "bob": "secret2"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def instrumented(build):
    """Whether this is a build with SANITIZER=: slower, and with memory that is the sanitizer's."""
    program = (pathlib.Path(build) / "susmilter").read_bytes()
    return any(mark in program for mark in (b"__asan_init", b"__tsan_init", b"__ubsan_handle"))


def slowness(build):
    """A bar in seconds, set for a plain build, is multiplied by this."""
    return SLOWER if instrumented(build) else 1


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise TimeoutError(f"{what} did not happen within {seconds} seconds")


def same_family(addresses, source):
    """The first address to which `source` can connect."""
    return next(a for a in addresses if (":" in a) == (":" in (source or a)))


def port_open(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(1)
        return s.connect_ex((address, port)) == 0


def become_root(why):
    """Starts this program again through sudo where it is not root; says why when it cannot."""
    if os.geteuid() == 0:
        return
    if not shutil.which("sudo") or subprocess.run(["sudo", "-n", "true"], capture_output=True,
                                                  check=False).returncode != 0:
        sys.exit(f"{why}, which takes root. Please run it as root, or where sudo works.")
    os.execvp("sudo", ["sudo", "-n", sys.executable, *sys.argv])


class Reply(str):
    """A reply as the client saw it: "550 5.7.1 text"."""

    @property
    def code(self):
        return int(self[:3])


class Session:
    """One SMTP connection; every command returns the whole reply."""

    def __init__(self, address, port, source=None, timeout=60):
        self.smtp = smtplib.SMTP(timeout=timeout, source_address=(source, 0) if source else None)
        self._reply(self.smtp.connect(address, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.smtp.close()

    @staticmethod
    def _reply(pair):
        code, text = pair
        return Reply(f"{code} " + text.decode("utf-8", "replace").replace("\n", " "))

    def command(self, line):
        return self._reply(self.smtp.docmd(line))

    def ehlo(self, name):
        return self._reply(self.smtp.ehlo(name))

    def xclient(self, address, name=None):
        shown = "IPV6:" + address if ":" in address else address
        reply = self.command(f"XCLIENT ADDR={shown} NAME={name or '[UNAVAILABLE]'}")
        assert reply.code == 220, reply
        return reply

    def login(self, user):
        return self._reply(self.smtp.login(user, USERS[user]))

    def mail(self, sender, options=""):
        return self.command(f"MAIL FROM:<{sender}>{options}")

    def rcpt(self, recipient):
        return self.command(f"RCPT TO:<{recipient}>")

    def data(self, message):
        reply = self.command("DATA")
        if reply.code != 354:
            return reply
        if isinstance(message, str):
            message = message.encode()
        message = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        message = b"\r\n".join(b"." + l if l.startswith(b".") else l
                               for l in message.split(b"\r\n"))
        self.smtp.send(message.rstrip(b"\r\n") + b"\r\n.\r\n")
        return self._reply(self.smtp.getreply())

    def quit(self):
        return self.command("QUIT")


class Server:
    """A process of ours, ended by its pid."""

    def __init__(self, argv, **options):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def stop(self, seconds=40):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Daemon(Server):
    """susmilter in the foreground, with a configuration of its own."""

    def __init__(self, lab, name, conf, lists, socket_spec, env, milter, decisions):
        self.dir = lab.dir / name
        self.dir.mkdir()
        self.lab = lab
        self.control = self.dir / "control.sock"
        self.decisions = decisions or self.dir / "decisions.jsonl"
        self.port = free_port()
        self.milter = socket_spec or f"inet:{self.port}@127.0.0.1"
        self.conf = self.dir / "susmilter.conf"
        self.base = (f'milter = {{ socket = "{self.milter}"; user = ""; {milter} }};\n'
                     f'control = {{ socket = "{self.control}"; }};\n'
                     f'log = {{ decisions = "{self.decisions}"; syslog = false; }};\n')
        self.configure(conf, lists)
        self.log_path = self.dir / "log"
        self.log = open(self.log_path, "ab")
        super().__init__([lab.build / "susmilter", "-f", "-c", self.conf], stdout=self.log,
                         stderr=self.log, env={**os.environ, **env})
        wait_for(lambda: not self.alive() or "ready" in self.said(), 60, "start of susmilter")
        if not self.alive():
            raise RuntimeError("susmilter did not start:\n" + self.said())

    def configure(self, conf, lists=None):
        """Writes the files, each at once whole; nothing is reloaded."""
        for name, text in (lists or {}).items():
            self.write(name, text)
        self.write("susmilter.conf", self.base + conf)

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        os.replace(new, path)

    def said(self):
        return self.log_path.read_text(errors="replace")

    def worker(self):
        """The pid of the worker that runs now."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def ctl(self, *words, input=None, check=False, seconds=60):
        return subprocess.run([self.lab.build / "susmilterctl", "--socket", self.control, *words],
                              input=input, capture_output=True, text=True, timeout=seconds,
                              check=check)

    def hangup(self):
        self.process.send_signal(signal.SIGHUP)

    def reload(self):
        """SIGHUP, and waits until it is answered in the log."""
        before = self.said().count("reload")
        self.hangup()
        wait_for(lambda: self.said().count("reload") > before, 30, "reload")

    def records(self):
        if not self.decisions.exists():
            return []
        return [json.loads(l) for l in self.decisions.read_text().splitlines()]


class Dns(Server):
    """tests/fake/dnsserver.py on a port of its own."""

    def __init__(self, lab, zone):
        self.zone = lab.dir / "zone"
        self.zone.write_text(zone)
        super().__init__(["/usr/bin/python3", TOP / "tests/fake/dnsserver.py", self.zone],
                         stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.resolver = f'resolver = {{ servers = [ "127.0.0.1@{self.port}" ]; }};\n'

    def replace(self, zone):
        self.zone.write_text(zone)
        self.process.send_signal(signal.SIGHUP)
        assert self.process.stdout.readline().startswith("reloaded")


def sasl_users(path, realm):
    for user, password in USERS.items():
        subprocess.run(["/usr/sbin/saslpasswd2", "-p", "-c", "-f", path, "-u", realm, user],
                       input=password, text=True, check=True)


def sasl_conf(path, db):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                    f"sasldb_path: {db}\nmech_list: PLAIN LOGIN CRAM-MD5\n")


class Postfix:
    """A private Postfix: own configuration, queue, data and log; nothing of the system's."""

    MASTER = """
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
pickup    unix  n - n 60 1 pickup
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

    def __init__(self, lab, name, milter, listen, settings):
        self.dir = lab.dir / name
        self.etc = self.dir / "etc"
        self.port = free_port()
        self.address, self.addresses = listen[0], listen
        for d in ("etc/sasl", "spool", "log", "mail", "data"):
            (self.dir / d).mkdir(parents=True)
        self.dir.chmod(0o755)
        postfix = pwd.getpwnam("postfix")
        os.chown(self.dir / "data", postfix.pw_uid, postfix.pw_gid)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.dir / "mail", nobody.pw_uid, nobody.pw_gid)
        (self.etc / "main.cf").write_text(self.main_cf(milter, nobody, settings))
        (self.etc / "master.cf").write_text(
            "".join(f"{'[' + a + ']' if ':' in a else a}:{self.port} inet n - n - - smtpd\n"
                    for a in listen) + self.MASTER)
        db = self.etc / "sasl/sasldb2"
        # Debian's Postfix reads $config_directory/sasl/smtpd.conf.
        sasl_conf(self.etc / "sasl/smtpd.conf", db)
        sasl_users(db, "lab.test")
        os.chown(db, 0, postfix.pw_gid)
        db.chmod(0o640)
        self.command("start")
        wait_for(lambda: port_open(self.address, self.port), 20, "start of Postfix")

    def main_cf(self, milter, nobody, settings):
        values = {
            "compatibility_level": "3.6",
            "queue_directory": self.dir / "spool",
            "data_directory": self.dir / "data",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "command_directory": "/usr/sbin",
            "maillog_file_prefixes": self.dir,
            "maillog_file": self.dir / "log/maillog",
            "multi_instance_name": "postfix-lab",
            "myhostname": "mx.lab.test",
            "mydestination": "",
            "inet_interfaces": "all",
            "inet_protocols": "all",
            "mynetworks": "127.255.255.255/32",
            "alias_maps": "", "alias_database": "", "local_recipient_maps": "",
            "local_transport": "error:no local mail here",
            "biff": "no", "append_dot_mydomain": "no",
            "disable_dns_lookups": "yes",
            "smtp_host_lookup": "native",
            "relay_domains": "example.org, example.net, example.com, open.example",
            "relay_transport": "discard:", "default_transport": "discard:",
            "virtual_mailbox_domains": "mbox.test",
            "virtual_mailbox_base": self.dir / "mail",
            "virtual_mailbox_maps": "static:all/",
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{nobody.pw_uid}",
            "virtual_gid_maps": f"static:{nobody.pw_gid}",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
            "smtpd_recipient_restrictions": "",
            "smtpd_authorized_xclient_hosts": "127.0.0.0/8, [::1]/128",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_client_connection_rate_limit": "0",
            "smtpd_error_sleep_time": "0",
            "smtpd_hard_error_limit": "1000", "smtpd_soft_error_limit": "1000",
            "smtputf8_enable": "yes",
            "default_process_limit": "200",
            "smtpd_milters": milter, "non_smtpd_milters": milter,
            "milter_protocol": "6", "milter_default_action": "tempfail",
            "smtpd_sasl_auth_enable": "yes", "smtpd_sasl_local_domain": "lab.test",
            "smtpd_tls_security_level": "none", "smtp_tls_security_level": "none",
            **settings,
        }
        return "".join(f"{key} = {value}\n" for key, value in values.items())

    def command(self, word):
        # It warns of owners of files that only a package would have.
        subprocess.run(["/usr/sbin/postfix", "-c", self.etc, word], stderr=subprocess.DEVNULL,
                       check=False)

    def set(self, **settings):
        subprocess.run(["/usr/sbin/postconf", "-c", self.etc, "-e",
                        *(f"{k}={v}" for k, v in settings.items())], check=True)
        self.command("reload")
        time.sleep(0.3)

    def session(self, client=None, name=None, helo="client.example", source=None):
        s = Session(same_family(self.addresses, source), self.port, source)
        s.ehlo("lab")
        if client:
            s.xclient(client, name)
        s.ehlo(helo)
        return s

    def sendmail(self, sender, recipient, message):
        """Mail that does not come by SMTP."""
        subprocess.run(["/usr/sbin/sendmail", "-C", self.etc, "-f", sender, recipient],
                       input=message, text=True, check=True,
                       env={**os.environ, "MAIL_CONFIG": str(self.etc)})

    def mailbox(self, user, count=1, seconds=10):
        """The messages delivered to user@mbox.test, once there are `count`."""
        new = self.dir / "mail/all/new"
        wait_for(lambda: new.exists() and len(list(new.iterdir())) >= count, seconds, "delivery")
        return [p.read_text(errors="replace") for p in sorted(new.iterdir(),
                                                              key=lambda p: p.stat().st_mtime_ns)]

    def log(self):
        path = self.dir / "log/maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def flush(self):
        """Tries all of the queue again, now."""
        subprocess.run(["/usr/sbin/postqueue", "-c", self.etc, "-f"], check=True)

    def queued(self):
        out = subprocess.run(["/usr/sbin/postqueue", "-c", self.etc, "-j"], capture_output=True,
                             text=True, check=False).stdout
        return [json.loads(l) for l in out.splitlines()]

    def stop(self):
        pid_file = self.dir / "spool/pid/master.pid"
        pid = int(pid_file.read_text()) if pid_file.exists() else None
        self.command("stop")
        if pid:
            wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 20, "end of Postfix")


class Sendmail(Server):
    """A private Sendmail, unpacked beside an installed Postfix since the packages conflict (the
    Makefile does that)."""

    CONF = """divert(-1)
divert(0)dnl
VERSIONID(`lab')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`STATUS_FILE', `{dir}/etc/statistics')dnl
define(`HELP_FILE', `/dev/null')dnl
define(`ALIAS_FILE', `')dnl
define(`confCW_FILE', `{dir}/etc/local-host-names')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/etc/service.switch')dnl
define(`confBIND_OPTS', `-DNSRCH -DEFNAMES')dnl
define(`confTO_IDENT', `0')dnl
define(`confDELIVERY_MODE', `queue')dnl
define(`confMAX_DAEMON_CHILDREN', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confTRUSTED_USER', `root')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confPRIVACY_FLAGS', `noexpn,novrfy')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confALLOW_BOGUS_HELO', `True')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupReadableSASLDBFile')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {relay_port}')dnl
define(`confAUTH_MECHANISMS', `PLAIN LOGIN CRAM-MD5')dnl
define(`confAUTH_OPTIONS', `A')dnl
define(`confAUTH_REALM', `sm.lab.test')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN CRAM-MD5')dnl
FEATURE(`nocanonify')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
RELAY_DOMAIN(`example.org example.net example.com open.example mbox.test')dnl
{listen}
{filter}
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

    FILTER = "INPUT_MAIL_FILTER(`susmilter', `S={}, F=T, T=C:10s;S:10s;R:60s;E:120s')dnl"

    def __init__(self, lab, name, root, milter, listen, host, relay_port):
        self.dir = lab.dir / name
        self.port = free_port()
        self.address, self.addresses = listen[0], listen
        etc = self.dir / "etc"
        etc.mkdir(parents=True)
        self.dir.chmod(0o755)
        (self.dir / "queue").mkdir(mode=0o700)
        (etc / "local-host-names").write_text(f"{host}\n")
        (etc / "service.switch").write_text("hosts\tfiles\naliases\tfiles\npasswd\tfiles\n")
        (etc / "statistics").write_text("")
        ports = (f"DAEMON_OPTIONS(`Name=MTA{i}, Family={'inet6' if ':' in a else 'inet'}, Addr={a}, "
                 f"Port={self.port}')dnl" for i, a in enumerate(listen))
        conf = self.CONF.format(dir=self.dir, host=host, relay_port=relay_port,
                                listen="\n".join(ports),
                                filter=self.FILTER.format(milter) if milter else "dnl")
        (etc / "lab.mc").write_text(conf)
        share = root / "usr/share/sendmail/cf"
        with open(etc / "sendmail.cf", "w") as cf:
            subprocess.run(["m4", f"-D_CF_DIR_={share}/", share / "m4/cf.m4", etc / "lab.mc"],
                           stdout=cf, check=True)
        db = etc / "sasldb2"
        sasl_conf(etc / "sasl/Sendmail.conf", db)
        sasl_users(db, "sm.lab.test")
        db.chmod(0o600)
        # Sendmail wants a host name with a dot, and SASL looks for its file in fixed places: both
        # are given to this process alone.
        os.makedirs("/usr/lib/sasl2", exist_ok=True)
        self.out = open(self.dir / "out", "ab")
        self.program = ["unshare", "--uts", "--mount", "sh", "-c",
                        'hostname "$0"; mount --bind "$1" /usr/lib/sasl2; shift; exec "$@"',
                        host, etc / "sasl", root / "usr/libexec/sendmail/sendmail", "-C",
                        etc / "sendmail.cf"]
        super().__init__([*self.program, "-bD"], stdout=self.out, stderr=self.out)
        wait_for(lambda: not self.alive() or port_open(self.address, self.port), 30,
                 "start of Sendmail")
        if not self.alive():
            raise RuntimeError("Sendmail did not start:\n" + (self.dir / "out").read_text())

    def session(self, source=None, helo="client.example"):
        s = Session(same_family(self.addresses, source), self.port, source)
        s.ehlo(helo)
        return s

    def queued(self, kind="qf"):
        """The envelopes in the queue: qf as usual, hf on hold; with kind df the bodies."""
        return [p.read_text(errors="replace") for p in (self.dir / "queue").glob(f"{kind}*")]

    def flush(self):
        """Tries all of the queue once, now, and waits for the end of it.  Its status tells of mail
        that was refused, which is no failure here."""
        subprocess.run([*self.program, "-qf"], stdout=self.out, stderr=self.out, check=False,
                       timeout=120)


class Lab:
    def __init__(self, build, keep=False):
        self.build = pathlib.Path(build).resolve()
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
               decisions=None):
        """milter: more of that section; decisions: another place for the log."""
        return self._add(Daemon(self, name, conf, lists, socket_spec, env or {}, milter,
                                decisions))

    def process(self, argv, **options):
        """Any other program that must end with the lab."""
        return self._add(Server(argv, **options))

    def dns(self, zone):
        return self._add(Dns(self, zone))

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
                 relay_port=0):
        """daemon: a Daemon, or None for one without a milter.  What it accepts waits in its queue
        until flush() hands it to relay_port on 127.0.0.1, where another host must answer."""
        return self._add(Sendmail(self, name, self.build / "sendmail",
                                  daemon.milter if daemon else "", listen, host, relay_port))
