#!/usr/bin/python3
"""service_test: what systemd is told, and the commands of README.md.

    service_test.py BUILD_DIRECTORY

The daemon speaks to a notification socket of ours: it is ready, it is alive, it stops; and it says
nothing any more while its worker hangs.  Then each command that README.md shows an administrator
is run against it.
"""
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

# A beat comes every 15 seconds (edge/daemon/watchdog.h).
BEAT, SLACK = 15, 3
CONF = """
mode = "monitor";
history = { directory = "history"; };
managed_whitelist = "managed.list";
reports = { database = "reports.sqlite"; };
susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24" ]; } );
"""


class Notified:
    """The socket that systemd would give in NOTIFY_SOCKET."""

    def __init__(self, directory):
        self.path = str(pathlib.Path(directory) / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def hear(self, seconds):
        """All that is said within that time."""
        said, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                said.append(self.socket.recv(4096).decode())
            except TimeoutError:
                break
        return said

    def wait(self, what, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if what in self.hear(min(left, 0.2)):
                return True
        return False


def worker_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def status(checks, notified, daemon, said):
    """One line of what goes on, after the start and after each reload."""
    lines = "".join(s + "\n" for s in said)
    checks.true("STATUS= at the start", re.search(r"^STATUS=generation 1, \d+ entries$", lines, re.M),
                said)
    daemon.configure(CONF.replace("198.51.100.0/24", "198.51.100.1/24"))
    daemon.reload()
    said = "".join(notified.hear(0.5))
    checks.true("STATUS= of a reload that fails", re.search(
        r"STATUS=generation 1, \d+ entries; last reload failed: "
        rf"{re.escape(str(daemon.conf))}:\d+: host bits are set", said), said)
    daemon.configure(CONF)
    daemon.reload()
    said = notified.hear(0.5)
    checks.true("STATUS= of one that does not", any(
        re.fullmatch(r"STATUS=generation 2, \d+ entries", s) for s in said), said)


def hangs(checks, notified, daemon):
    """A worker that hangs makes the watchdog bite: no heartbeat comes."""
    worker = worker_of(daemon.pid)
    os.kill(worker, signal.SIGSTOP)
    notified.hear(0.5)
    checks.same("nothing is said while the worker hangs", notified.hear(BEAT + SLACK), [])
    os.kill(worker, signal.SIGCONT)
    checks.true("alive again", notified.wait("WATCHDOG=1", BEAT + SLACK))


# ---- README.md --------------------------------------------------------------------------------------

# Who runs the blocks of the README, by their first word.  through-postfix takes the commands for
# Postfix from the README and asks doctor; tests/package/run installs both ways.
ELSEWHERE = {"postconf": "contrib/debian/tests/through-postfix", "sudo": "tests/package/run"}
HERE_TOO = {"make", "mode", "INPUT_MAIL_FILTER(`susmilter',", "susmilterctl", "#"}
# A key of susmilter.conf with all of its value.
KEY = re.compile(r'^(\w+) = (?:"[^"\n]*";|[({][^\n]*[)}];$|[({].*?^[)}];$)', re.M | re.S)


def blocks(text):
    """The indented blocks of Markdown, as lists of lines."""
    for block in re.findall(r"(?:^ {4}.*\n)+", text, re.M):
        yield [line[4:] for line in block.splitlines()]


def everything_is_run(checks, text):
    """No block is new to us."""
    for block in blocks(text):
        first = block[0].split()[0]
        checks.true(f"README: {block[0]} is run", first in HERE_TOO or first in ELSEWHERE, first)
    for first, path in ELSEWHERE.items():
        checks.true(f"{path} is there for {first}", (TOP / path).exists())
    wanted = 'readme("postconf -e smtpd_milters=")'
    checks.true("the commands for Postfix are taken from the README",
                wanted in (TOP / ELSEWHERE["postconf"]).read_text())


def everything_is_there(checks, text):
    """The files that the source tour leads to, and the others that are named."""
    for name in sorted(set(re.findall(r"`([a-z_*/]+\.(?:h|txt)|(?:tests|contrib)/\w+)`", text))):
        pattern = name if "/" in name else f"include/*/*/{name}"
        checks.true(f"README: {name} is there", any(TOP.glob(pattern)))


def without_errors(checks, build, conf, label):
    for command in (["susmilter", "-t", "-c", conf], ["susmilterctl", "-c", conf, "check"]):
        done = subprocess.run([build / command[0], *command[1:]], capture_output=True,
                              text=True, check=False)
        checks.same(f"README: {command[0]} of {label}", done.returncode, 0)
        checks.same("without a complaint", done.stderr, "")


def configuration(checks, build, text):
    """What the README shows of susmilter.conf is free of errors, in place of what is shipped."""
    shown = "\n".join(next(b for b in blocks(text) if b[0].startswith("mode = ")))
    settings = re.findall(r"`(\w+ = (?:\{[^`]*\};|\"\w+\"))`", text)
    checks.true("README has settings", len(settings) > 2, settings)
    with tempfile.TemporaryDirectory() as directory:
        conf = pathlib.Path(directory) / "susmilter.conf"
        shutil.copytree(TOP / "conf/lists", pathlib.Path(directory) / "lists")
        for label, keys in [("the first configuration", shown)] + [
                (setting, setting.rstrip(";") + ";") for setting in settings]:
            merged = (TOP / "conf/susmilter.conf").read_text()
            checks.same(f"README: {label} is keys and nothing else", KEY.sub("", keys).strip(), "")
            for key in KEY.finditer(keys):
                old = next((o for o in KEY.finditer(merged) if o[1] == key[1]), None)
                if checks.true(f"README: {key[1]} is a key of the shipped file", old):
                    merged = merged[:old.start()] + key[0] + merged[old.end():]
            # The user comes with the package.
            merged = re.sub(r" user += .*;", "", merged)
            merged = merged.replace("/var/lib/susmilter/history", f"{directory}/history")
            conf.write_text(merged.replace("milter = {", 'milter = { user = "";', 1))
            without_errors(checks, build, conf, label)


def sendmail_line(checks, build, text):
    """The line for sendmail.mc makes a sendmail.cf that doctor has nothing against."""
    line = next(b[0] for b in blocks(text) if b[0].startswith("INPUT_MAIL_FILTER"))
    share = build / "sendmail/usr/share/sendmail/cf"
    with tempfile.TemporaryDirectory() as directory:
        mc, cf = (pathlib.Path(directory) / f"sendmail.{end}" for end in ("mc", "cf"))
        mc.write_text(f"divert(0)dnl\nOSTYPE(`linux')dnl\n{line}\nMAILER(`smtp')dnl\n")
        cf.write_text(subprocess.run(["m4", f"-D_CF_DIR_={share}/", share / "m4/cf.m4", mc],
                                     capture_output=True, text=True, check=True).stdout)
        said = subprocess.run([build / "susmilterctl", "-c", TOP / "conf/susmilter.conf", "doctor",
                               "--sendmail", cf], capture_output=True, text=True,
                              check=False).stdout
    for wanted in ("susmilter is listed, and first", "Sendmail waits long enough"):
        checks.true(f"README: {line}: {wanted}", wanted in said, said)


def makefile_targets(checks, build, text):
    """`make demo` is played; of the others, this is part of one, and each exists."""
    for target in sorted(set(re.findall(r"`?make ([a-z][a-z-]*)", text))):
        done = subprocess.run(["make", "-n", target], cwd=TOP, capture_output=True, text=True,
                              check=False)
        checks.same(f"README: make {target}", done.returncode, 0)
    done = subprocess.run([TOP / "tests/demo/demo.py", build], capture_output=True, text=True,
                          check=False)
    checks.same("README: make demo is played", done.returncode, 0)
    checks.true("and as it should be", "answered as it should be" in done.stdout,
                done.stdout[-2000:] + done.stderr)
    printed = [line.strip() for line in done.stdout.splitlines()]
    for line in next(b for b in blocks(text) if b[0].split()[0] == "#"):
        checks.true(f"README: the demo prints {line.strip()!r}", line.strip() in printed)


def would_be_refused(daemon):
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("[198.51.100.7]", "198.51.100.7")
        t.helo("x.example")
        t.mail("a@example.org")
        t.rcpt("b@example.net")


def one_decision(daemon, words):
    """`tail`, ended by the first decision that it is to show."""
    argv = [daemon.lab.build / "susmilterctl", "--socket", daemon.control, *words, "--count", "1"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as tail:
        end = time.monotonic() + 10
        while tail.poll() is None and time.monotonic() < end:
            would_be_refused(daemon)
            time.sleep(0.2)
        tail.kill()
        return tail.returncode


def ctl_commands(checks, daemon, text):
    """Each `susmilterctl ...` as it stands there, in its order; tail and top are made to end."""
    would_be_refused(daemon)
    lab.wait_for(daemon.records, 10, "a record")
    token = daemon.records()[0]["id"]
    spans = re.findall(r"`(susmilterctl [^`]+)`", text) + [
        line for block in blocks(text) for line in block if line.startswith("susmilterctl ")]
    checks.true("README has commands", len(spans) > 6, spans)
    for span in spans:
        stands_for = {"ID": token, "FILE": str(daemon.conf), "RULE": "dialup"}
        words = [stands_for.get(w, w) for w in shlex.split(span)[1:]]
        if words[0] == "doctor":  # of this machine's own MTA it may complain: ELSEWHERE asks it
            continue
        if words[0] == "tail":
            status = one_decision(daemon, words)
        else:
            done = daemon.ctl(*words, *(["--once"] if words[0] == "top" else []))
            status = done.returncode
        checks.same(f"README: {' '.join(span.split())}", status, 0)


def main():
    build, keep = pathlib.Path(sys.argv[1]).resolve(), "--keep" in sys.argv
    checks = Checks("service")
    text = (TOP / "README.md").read_text()
    everything_is_run(checks, text)
    everything_is_there(checks, text)
    configuration(checks, build, text)
    sendmail_line(checks, build, text)
    makefile_targets(checks, build, text)
    with lab.Lab(build, keep) as servers, tempfile.TemporaryDirectory() as directory:
        notified = Notified(directory)
        daemon = servers.daemon(CONF, env={"NOTIFY_SOCKET": notified.path})
        said = notified.hear(2)
        checks.true("READY=1", "READY=1" in said, said)
        checks.true("WATCHDOG=1", "WATCHDOG=1" in said, said)
        status(checks, notified, daemon, said)
        hangs(checks, notified, daemon)
        ctl_commands(checks, daemon, text)
        daemon.process.send_signal(signal.SIGTERM)
        checks.true("STOPPING=1", notified.wait("STOPPING=1", 5))
        checks.same("it ends well", daemon.process.wait(40), 0)
    sys.exit(checks.summary())


main()
