#!/usr/bin/python3
"""resolvconf_test: the built daemon and /etc/resolv.conf: bad lines, scopes, changes, and restarts.

    resolvconf_test.py BUILD_DIRECTORY [--keep]

Each of three name servers lets another sender domain fail, so that a verdict shows who was asked.
"""
import os
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

CLIENT = "198.51.100.7"
FILE = pathlib.Path("/etc/resolv.conf")
SERVERS = ["127.0.0.1", "127.0.0.2", "fe80::53%dns0"]
SEEN_WITHIN = 8  # seconds; two looks a second apart, on a busy machine


def zone(server):
    """What this server says; one name is slow everywhere."""
    return "".join(f'n{i}.example TXT "v=spf1 {"-" if other == server else "+"}all"\n'
                   for i, other in enumerate(SERVERS)) + \
        f'slow.example TXT "v=spf1 {"-" if server == SERVERS[0] else "+"}all"\n' \
        "slow.example TXT SLOW=4000\n"


def ask(daemon):
    """The server that is asked now."""
    for i, server in enumerate(SERVERS):
        with Talk("127.0.0.1", daemon.port) as t:
            t.connect("x.example", CLIENT)
            t.helo("x.example")
            t.mail(f"a@n{i}.example")
            if t.rcpt("b@example.net").startswith("y550 5.7.23"):
                return server
    return None


def follows(checks, daemon, label, text, server):
    FILE.write_text(text)
    began = time.monotonic()
    while ask(daemon) != server and time.monotonic() - began < SEEN_WITHIN:
        time.sleep(0.2)
    checks.same(f"{label}: asks {server}", ask(daemon), server)


def restarts(checks, daemon, label, server):
    """The worker dies; the next one lives with the same file."""
    before = daemon.worker()
    os.kill(before, signal.SIGKILL)
    lab.wait_for(lambda: daemon.worker() not in (None, before), 10, "the next worker")
    lab.wait_for(lambda: daemon.said().count("ready") > 0 and daemon.ctl("status").returncode == 0,
                 10, "its answer")
    checks.same(f"{label}: a new worker asks {server}", ask(daemon), server)


def changes(checks, daemon):
    checks.same("at the start", ask(daemon), "127.0.0.1")
    follows(checks, daemon, "changed", "nameserver 127.0.0.2\n", "127.0.0.2")
    for bad in ("[::1]", "127.0.0.1:53", "ns.example.org"):
        follows(checks, daemon, f"{bad} beside a good one",
                f"nameserver {bad}\nnameserver 127.0.0.2\n", "127.0.0.2")
        restarts(checks, daemon, f"{bad} beside a good one", "127.0.0.2")
    follows(checks, daemon, "a scope", "nameserver fe80::53%dns0\n", "fe80::53%dns0")
    restarts(checks, daemon, "a scope", "fe80::53%dns0")
    follows(checks, daemon, "bad lines only", "nameserver [::1]\n", "127.0.0.1")
    restarts(checks, daemon, "bad lines only", "127.0.0.1")
    follows(checks, daemon, "back", "nameserver 127.0.0.2\n", "127.0.0.2")
    follows(checks, daemon, "empty", "", "127.0.0.1")


def in_flight(checks, daemon):
    """A question that is under way ends on the old resolver, in its time."""
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("x.example", CLIENT)
        t.helo("x.example")
        t.mail("a@slow.example")
        t.begin_rcpt("b@example.net")
        follows(checks, daemon, "meanwhile", "nameserver 127.0.0.2\n", "127.0.0.2")
        checks.true("in flight: ends on the old", t.answer().startswith("y550 5.7.23"),
                    daemon.records()[-1])


def says(checks, servers, daemon):
    FILE.write_text("nameserver 127.0.0.2\nnameserver [::1]\n")
    sentence = f'{FILE}:2: nameserver "[::1]" is not an IP address: this line is ignored'
    for label, done in (
            ("check", daemon.ctl("check")), ("reload", daemon.ctl("reload")),
            ("-t", subprocess.run([servers.build / "susmilter", "-t", "-c", daemon.conf],
                                  capture_output=True, text=True, check=False))):
        checks.same(f"{label}: status", done.returncode, 0)
        checks.true(f"{label}: names the line", sentence in done.stdout + done.stderr,
                    done.stdout + done.stderr)
    daemon.configure('resolver = { servers = [ "fe80::53%gone0" ]; };\n')
    for label, done in (
            ("check", daemon.ctl("check")), ("reload", daemon.ctl("reload")),
            ("-t", subprocess.run([servers.build / "susmilter", "-t", "-c", daemon.conf],
                                  capture_output=True, text=True, check=False))):
        checks.same(f"{label}, no interface: status", done.returncode, 1)
        checks.true(f"{label}, no interface: says so",
                    "names an interface that does not exist" in done.stdout + done.stderr,
                    done.stdout + done.stderr)
    checks.same("no interface: the old resolver stays", ask(daemon), "127.0.0.2")


def main():
    island.enter("resolvconf_test", [CLIENT], {})
    for words in ("link add dns0 type veth peer name dns1", "link set dns0 up",
                  "link set dns1 up", "address add fe80::53/64 dev dns0 nodad"):
        subprocess.run(["ip", *words.split()], check=True)
    island.cover(FILE, "nameserver 127.0.0.1\n")
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("resolvconf")
    with lab.Lab(build, keep) as servers:
        for number, address in enumerate(SERVERS):
            path = servers.dir / f"zone{number}"
            path.write_text(zone(address))
            server = servers.process(
                ["/usr/bin/python3", HERE.parent / "fake/dnsserver.py", "--listen", address,
                 "--port", "53", path], stdout=subprocess.PIPE, text=True)
            assert server.process.stdout.readline().startswith("port 53"), address
        daemon = servers.daemon('spf = { fail = "reject"; };\n')
        changes(checks, daemon)
        in_flight(checks, daemon)
        says(checks, servers, daemon)
    sys.exit(checks.summary())


main()
