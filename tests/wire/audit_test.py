#!/usr/bin/python3
"""audit_test: `audit domains` with two name servers over some days: what every one of them denies is
listed on the third, and no outage, lie or failure of a day lists anything.

    audit_test.py BUILD_DIRECTORY [--keep]
"""
import json
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

CLIENT = "203.0.113.25"
DAY = 86400
FIRST = 20900 * DAY  # the clock of the test begins here
CONF = ('trusted_networks = [ ];\nspf = { fail = "off"; };\n'
        'resolver = { servers = [ "127.0.0.1@%d", "127.0.0.1@%d" ]; timeout = 1.0; };\n'
        'history = { directory = "%s"; min_free = 0; evaluate = 1; };\n')
THERE = """
proven.example TXT "v=spf1 ip4:203.0.113.25 -all"
proven.example MX 10 mx.proven.example
mx.proven.example A 203.0.113.25
address.example AAAA 2001:db8::1
text.example TXT "neither MX nor an address"
broken.example ANY SERVFAIL
silent.example MX TIMEOUT
"""


def send(daemon, sender, recipient, count=1):
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("mx.proven.example", CLIENT)
        t.helo("mx.proven.example")
        for _ in range(count):
            t.mail(sender)
            t.rcpt(recipient)
            t.header("From", f" <{sender}>")
            t.end_of_headers()
            t.body(b"x\r\n")
            assert t.end() == ["c"]


def audit(daemon, day, *words):
    told = daemon.ctl("audit", "domains", "--now", str(FIRST + day * DAY), *words)
    assert told.returncode == 0, told
    return told.stdout


def listed(daemon, day):
    domains = json.loads(audit(daemon, day, "--json"))["domains"]
    return {d["domain"] for d in domains if d["listed"]}


def days_absent(daemon, day):
    domains = json.loads(audit(daemon, day, "--json"))["domains"]
    return {d["domain"]: len(d["days"]) for d in domains}


def over_days(checks, daemon, one, two):
    days = {"gone.example": 1, "text.example": 1, "nobody.example": 1}
    checks.same("the first day", days_absent(daemon, 0), days)
    checks.same("again on that day", days_absent(daemon, 0), days)
    two.process.send_signal(signal.SIGSTOP)
    checks.same("one server is silent", days_absent(daemon, 1), {})
    two.process.send_signal(signal.SIGCONT)
    two.replace("")
    checks.same("one server denies everything", days_absent(daemon, 2), {})
    one.replace("")
    checks.same("both deny everything", days_absent(daemon, 3), {})
    for server in (one, two):
        server.replace(THERE)
    checks.same("none of these days counts", days_absent(daemon, 4), {d: 2 for d in days})
    two.replace(THERE + "gone.example A 203.0.113.9\n")
    checks.same("one server finds it", days_absent(daemon, 5),
                {"text.example": 3, "nobody.example": 3})
    two.replace(THERE)
    checks.same("listed", listed(daemon, 6), {"text.example", "nobody.example"})
    checks.same("which begins from the start", days_absent(daemon, 6)["gone.example"], 1)
    one.process.send_signal(signal.SIGSTOP)
    checks.same("no answer takes nothing off", listed(daemon, 7), {"text.example", "nobody.example"})
    one.process.send_signal(signal.SIGCONT)


def as_lists(checks, daemon):
    told = audit(daemon, 7)
    checks.true("a rule", '{ name = "absent-senders"; sender = [' in told
                and '{ name = "absent-recipients"; recipient = [' in told, told)
    daemon.write("more.conf", daemon.conf.read_text() + told)
    checked = daemon.ctl("check", str(daemon.dir / "more.conf"))
    checks.true("that loads", checked.returncode == 0, checked)
    checks.same("senders", audit(daemon, 7, "--list", "sender").split(), ["text.example"])
    checks.same("recipients", audit(daemon, 7, "--list", "recipient").split(), ["nobody.example"])
    checks.same("no such list", daemon.ctl("audit", "domains", "--list", "x").returncode, 2)
    state = (daemon.state / "audit/domains").read_text()
    checks.true("the state", "text.example 20" in state and "gone.example 20" in state
                and "proven" not in state and "broken" not in state, state)


def offline(checks, daemon, build, history):
    """Without the daemon, on a configuration; and without a state directory."""
    told = subprocess.run([build / "susmilterctl", "-c", daemon.conf, "audit", "domains", "--history",
                           history, "--now", str(FIRST + 8 * DAY), "--list", "sender"],
                          capture_output=True, text=True, timeout=60)
    checks.same("with -c, and a third day of the other", set(told.stdout.split()),
                {"text.example", "gone.example"})
    daemon.write("none.conf", daemon.conf.read_text().replace(f'state = "{daemon.state}"', 'state = ""'))
    told = subprocess.run([build / "susmilterctl", "-c", daemon.dir / "none.conf", "audit", "domains"],
                          capture_output=True, text=True, timeout=60)
    checks.true("without a state directory", told.returncode == 1 and "state" in told.stderr, told)


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("audit_test", [CLIENT], {})
    checks = Checks("audit")
    with lab.Lab(build, keep) as servers:
        one, two = servers.dns(THERE, "one"), servers.dns(THERE, "two")
        daemon = servers.daemon(CONF % (one.port, two.port, servers.dir / "history"))
        for sender, recipient in (("a@proven.example", "b@address.example"),
                                  ("a@gone.example", "b@proven.example"),
                                  ("a@text.example", "b@nobody.example"),
                                  ("a@broken.example", "b@silent.example")):
            send(daemon, sender, recipient, 5)
        lab.wait_for(lambda: json.loads(daemon.ctl("status", "--json").stdout)["history"]["evaluated"]
                     >= 20, 30, "what is evaluated")
        over_days(checks, daemon, one, two)
        as_lists(checks, daemon)
        offline(checks, daemon, servers.build, servers.dir / "history")
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
