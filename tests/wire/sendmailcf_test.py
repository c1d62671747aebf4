#!/usr/bin/python3
"""sendmailcf_test: what a real Sendmail makes of the lines of sendmail.cf that doctor judges: every
case of tests/unit/core/mta/sendmail_cases.txt, tried once.

    sendmailcf_test.py BUILD_DIRECTORY [LABEL]
"""
import os
import pathlib
import re
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from sendmail import Sendmail  # noqa: E402

CASES = HERE.parent / "unit/core/mta/sendmail_cases.txt"
# What a client hears at its first command that is not answered 2xx.
AWAY = {451: "defer", 421: "close", 554: "refuse"}


class Filter:
    """Takes connections at a unix socket, notes them, and hangs up: a filter that is away."""

    def __init__(self, path, name, asked):
        self.name, self.asked = name, asked
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        path.chmod(0o600)
        self.socket.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.socket.accept()
            self.asked.append(self.name)
            connection.close()


def cases(text):
    """(label, words behind `sendmail`, lines of sendmail.cf)"""
    for block in re.split(r"^== ", text, flags=re.M)[1:]:
        label, *rest = block.splitlines()
        does = next(l.split()[1:] for l in rest if l.startswith("sendmail "))
        yield label, does, [l[2:] for l in rest if l.startswith("> ")]


class Tried:
    """A Sendmail with these lines, started, asked once as a client, and ended."""

    def __init__(self, lab_servers, root, base, place, asked, lines):
        self.port, other = lab.free_port(), lab.free_port()
        text = "\n".join(lines) + "\n"
        if "@AT25@" not in text:
            text = "O DaemonPortOptions=@AT25@\n" + text
        for mark, value in (("@OURS@", f"unix:{place}/ours"), ("@PATH@", f"{place}/ours"),
                            ("@OTHER@", f"unix:{place}/other"),
                            ("@AT25@", f"Name=MTA, Addr=127.0.0.1, Port={self.port}"),
                            ("@AT587@", f"Name=MSA, Addr=127.0.0.1, Port={other}"),
                            ("\\t", "\t"), ("\\r", "\r")):
            text = text.replace(mark, value)
        cf, out = place / "sendmail.cf", place / "out"
        cf.write_text(base + text, newline="")
        asked.clear()
        program = ["unshare", "--uts", "sh", "-c", 'hostname mx.sm.lab.test; exec "$@"', "sh",
                   root / "usr/libexec/sendmail/sendmail", "-C", cf]
        # What it has read; a daemon would tell its clients, too.
        read = subprocess.run([*program, "-d64.5", "-bt"], stdin=subprocess.DEVNULL, timeout=60,
                              capture_output=True, text=True, check=False).stdout
        self.times = dict(re.findall(r"^Xsusmilter: ([RE])=(\d+)", read, re.M))
        with open(out, "wb") as told:
            self.server = lab_servers.process([*program, "-bD"], stdout=told, stderr=told)
        lab.wait_for(lambda: not self.server.alive() or lab.port_open("127.0.0.1", self.port),
                     30, "start or end of Sendmail")
        asked.clear()
        self.code = self.first_refusal() if self.server.alive() else None
        self.order = self.place_of_ours(asked)
        self.server.stop()
        self.said = out.read_text(errors="replace")

    def first_refusal(self):
        """The first reply of 4xx or 5xx to a client; 250 when MAIL is taken."""
        try:
            with smtplib.SMTP(timeout=30) as s:
                for step in (lambda: s.connect("127.0.0.1", self.port), s.ehlo,
                             lambda: s.docmd("MAIL FROM:<a@example.org>")):
                    code = step()[0]
                    if code >= 400:
                        return code
                return code
        except smtplib.SMTPServerDisconnected:
            return 421

    def place_of_ours(self, asked):
        if self.code is None:
            return "stops"
        seen = [*dict.fromkeys(asked)]
        return ("never" if "ours" not in seen else "first" if seen[0] == "ours" else "later")


def main():
    lab.become_root("a private Sendmail is started")
    build = pathlib.Path(sys.argv[1])
    wanted = sys.argv[2] if len(sys.argv) > 2 else None
    checks = Checks("sendmailcf")
    # Sendmail trusts no directory below one that others may write to, such as /tmp.
    place = pathlib.Path(tempfile.mkdtemp(prefix="susmilter-lab.", dir="/run"))
    place.chmod(0o755)
    try:
        with lab.Lab(build) as servers:
            root = servers.build / "sendmail"
            base = Sendmail.cf(servers.dir / "base", root, listen="dnl", filters="dnl",
                               host="mx.sm.lab.test", relay_port=0)
            base = re.sub(r"^O DaemonPortOptions=.*\n", "", base, flags=re.M)
            base = re.sub(r"^O InputMailFilters=.*\n", "", base, flags=re.M)
            asked = []
            Filter(place / "ours", "ours", asked)
            Filter(place / "other", "other", asked)
            for label, does, lines in cases(CASES.read_text()):
                if wanted and wanted != label:
                    continue
                try_case(checks, label, does,
                         Tried(servers, root, base, place, asked, lines))
    finally:
        shutil.rmtree(place)
    sys.exit(checks.summary())


def try_case(checks, label, does, tried):
    order, away, *times = does
    seen = AWAY.get(tried.code, "accept") if tried.code else "-"
    checks.true(f"{label}: {order}", tried.order == order, f"{tried.order}\n{tried.said}")
    if away != "-":
        checks.same(f"{label}: while it is away", seen, away)
    for time in times:
        letter, seconds = time.split("=")
        if letter in tried.times or seconds not in ("300",):
            checks.same(f"{label}: {letter}", tried.times.get(letter), seconds)


main()
