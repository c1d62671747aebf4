#!/usr/bin/python3
"""daemon_test: the daemon at its edges: the milter protocol itself, full disks, limits, signals.

    daemon_test.py BUILD_DIRECTORY [--keep]
"""
import os
import pathlib
import re
import signal
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import NOBODY, NOEOH, NOHDRS, Talk  # noqa: E402

GOOD, DIALUP = "203.0.113.25", "198.51.100.7"
NET = "dan@example.net"
REFUSED = "550 5.7.1 Unauthenticated mail not allowed from this range (198.51.100.0/24, dialup)"

RANGES = 'susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24" ]; } );\n'
ENVELOPE = ('trusted_networks = [ ];\nspf = { fail = "off"; };\nblocks = ( { name = "names"; '
            'domains = [ ".monster" ]; in = [ "sender", "helo", "client_name" ]; } );\n' + RANGES)
HEADERS = ENVELOPE.replace(', "client_name" ]', ', "client_name", "from" ]')
BODY = HEADERS + 'dmarc = { default = "reject"; };\n'


def talk(daemon, **options):
    return Talk("127.0.0.1", daemon.port, **options)


# ---- negotiation ---------------------------------------------------------------------------------


def stages(checks, daemon):
    """What the table cannot need is not asked for; a table that needs more makes the MTA come
    anew."""
    spared = NOBODY | NOHDRS | NOEOH
    for label, conf, wanted in (("envelope only", ENVELOPE, spared), ("From, too", HEADERS, NOBODY),
                                ("DKIM, too", BODY, 0)):
        daemon.configure(conf)
        daemon.reload()
        with talk(daemon) as t:
            checks.same(f"stages: {label}", hex(t.steps & spared), hex(wanted))
    daemon.configure(ENVELOPE)
    daemon.reload()
    with talk(daemon) as old:
        old.connect("mx.good.example", GOOD)
        old.helo("mx.good.example")
        checks.same("before the table changes", old.mail("a@example.org"), "c")
        checks.same("a transaction keeps its table", old.rcpt(NET), "c")
        daemon.configure(BODY)
        daemon.reload()
        checks.same("still keeps it", old.rcpt(NET), "c")
        reply = old.mail("a@example.org")
        checks.true("then it is asked to come again", reply.startswith("y421 4.3.2 "), reply)
    with talk(daemon) as new:
        new.connect("mx.good.example", GOOD)
        checks.same("and is served", new.mail("a@example.org"), "c")
    daemon.configure(ENVELOPE)
    daemon.reload()
    with talk(daemon, steps=0) as plain:
        checks.same("an old MTA that spares nothing", plain.connect("x.example", GOOD), "c")
        plain.helo("x.example")
        plain.mail("a@example.org")
        checks.same("gets its answers all the same", plain.rcpt(NET), "c")
        checks.same("also to headers", plain.header("From", "<x@y.example>"), "c")
        plain.end_of_headers()
        checks.same("and to the end", plain.end(), ["c"])


# ---- clients ---------------------------------------------------------------------------------------


def clients(checks, daemon):
    said = "y" + REFUSED
    monster = "y550 5.7.1 Mail from a.monster is not accepted here (names)"
    cases = (
        ("IPv4", ("[198.51.100.7]", DIALUP), {}, said),
        ("IPv4-mapped IPv6", ("[198.51.100.7]", "::ffff:198.51.100.7"), {}, said),
        ("as Sendmail writes IPv6", ("x.example", "IPv6:::ffff:198.51.100.7", "6"), {}, said),
        ("confirmed name", ("a.monster", GOOD), {"client_resolve": "OK"}, monster),
        ("forged name", ("a.monster", GOOD), {"client_resolve": "FORGED"}, "c"),
        ("unconfirmed name", ("a.monster", GOOD), {"client_resolve": "TEMP"}, "c"),
        ("name in other letters", ("A.Monster.", GOOD), {"client_resolve": "OK"}, None),
    )
    for label, who in (("no address", ("localhost", "/run/x", "L")),
                       ("unknown address", ("unknown", "", "U"))):
        with talk(daemon) as t:
            t.connect(*who)
            t.helo("client.example")
            checks.same(f"client: {label}: not inbound", t.mail("a@example.org"), "a")
    for label, who, macros, wanted in cases:
        with talk(daemon) as t:
            t.connect(*who, **macros)
            t.helo("client.example")
            t.mail("a@example.org")
            reply = t.rcpt(NET)
            checks.same(f"client: {label}", reply if wanted else reply.lower(), wanted or
                        monster.lower().replace("a.monster", "a.monster"))


def hostile_replies(checks, daemon):
    """What a client says comes back harmless: one line, printable, at most 480 octets."""
    daemon.configure(ENVELOPE.replace('"198.51.100.0/24" ];', '"198.51.100.0/24" ]; reply = '
                                      '"550 5.7.1 %{helo} is 100% refused";'))
    daemon.reload()
    for label, helo in (("control bytes", "a\x01b\x1b[31mc\x7f"), ("line ends", "a\rb\nc"),
                        ("percent signs", "%s%n%%{helo}"), ("UTF-8", "bücher"),
                        ("length", "x" * 5000)):
        with talk(daemon) as t:
            t.connect("[198.51.100.7]", DIALUP)
            t.helo(helo)
            t.mail("a@example.org")
            reply = t.rcpt(NET)
            # On the wire to the MTA each % is doubled, as libmilter says it.
            text = reply[1:].replace("%%", "%")
            checks.true(f"reply with {label}", reply.startswith("y550 5.7.1 ")
                        and all(" " <= c <= "~" for c in text) and len(text) <= 480, reply)
    daemon.configure(ENVELOPE)
    daemon.reload()


# ---- limits ----------------------------------------------------------------------------------------


def too_many_sessions(checks, servers):
    daemon = servers.daemon(ENVELOPE, name="limited", milter="max_sessions = 2;")
    mtas = {"Postfix": servers.postfix(daemon, name="limited-postfix"),
            "Sendmail": servers.sendmail(daemon, name="limited-sendmail")}
    for mta, server in mtas.items():
        # Connect is not answered, so a session surely counts only once its MAIL was.
        first = server.session()
        checks.same(f"{mta}: first session", first.mail("a@example.org").code, 250)
        second = server.session()
        checks.same(f"{mta}: second session", second.mail("a@example.org").code, 250)
        third = server.session()
        reply = third.mail("a@example.org")
        checks.true(f"{mta}: one too many", reply.startswith("421 4.3.2 "), reply)
        lab.wait_for(lambda: turned_away(daemon), 5, "a record of the session")
        checks.same(f"{mta}: recorded", turned_away(daemon),
                    [("connect", "tempfail", 421, "limits")])
        daemon.decisions.write_text("")
        for s in (first, second, third):
            s.smtp.close()
        lab.wait_for(lambda: free_again(server), 10, "a free session")
        checks.true(f"{mta}: room again", True)
    checks.true("the limited daemon lives", daemon.alive())


def too_few_files(checks, servers):
    """Told where the system grants fewer descriptors than the sessions may take."""
    sessions = 100000
    daemon = servers.daemon(ENVELOPE, name="files", milter=f"max_sessions = {sessions};")
    limits = pathlib.Path(f"/proc/{daemon.worker()}/limits").read_text()
    granted = re.search(r"^Max open files +(\S+)", limits, re.M)[1]
    short = granted != "unlimited" and int(granted) < 2 * sessions
    told = "the limit on open files is" in daemon.said()
    checks.same(f"{granted} descriptors for {sessions} sessions: told", told, short)
    daemon.stop()


def turned_away(daemon):
    return [(r["stage"], r["action"], r["code"], r["family"]) for r in daemon.records()
            if r.get("reason") == "too many sessions"]


def free_again(server):
    with server.session() as s:
        return s.mail("a@example.org").code == 250


# ---- sockets and files -------------------------------------------------------------------------------


def unix_socket(checks, servers):
    # Sendmail takes no socket below a directory that everybody may write, such as /tmp.
    path = island.PLACE / "milter.sock"
    daemon = servers.daemon(ENVELOPE, name="unix", socket_spec=f"unix:{path}",
                            milter='socket_mode = "0666";')
    checks.same("mode of the socket", oct(path.stat().st_mode & 0o777), "0o666")
    for mta, server in (("Postfix", servers.postfix(daemon, name="unix-postfix")),
                        ("Sendmail", servers.sendmail(daemon, name="unix-sendmail"))):
        with server.session(source=DIALUP) as s:
            s.mail("a@example.org")
            seen = s.rcpt(NET).replace(f"<{NET}>... ", "")
            checks.same(f"over a unix socket, {mta}", seen, REFUSED)
    with Talk(path=path) as t:
        t.connect("[198.51.100.7]", DIALUP)
        t.mail("a@example.org")
        checks.same("over a unix socket, by hand", t.rcpt(NET), "y" + REFUSED)


def refuse_some(daemon, count):
    """So many refusals on one connection; the slowest answer in seconds."""
    slowest = 0
    with talk(daemon) as t:
        t.connect("[198.51.100.7]", DIALUP)
        for i in range(count):
            start = time.monotonic()
            t.mail(f"a{i}@example.org")
            assert t.rcpt(f"r{i}@example.net")[0] == "y"
            slowest = max(slowest, time.monotonic() - start)
    return slowest


def full_disk(checks, servers):
    """A full disk never delays mail: lines are lost, counted, and told once; later lines come."""
    disk = island.PLACE / "disk"
    island.small_disk(disk, 64)
    daemon = servers.daemon(ENVELOPE, name="full", decisions=disk / "decisions.jsonl")
    slowest = refuse_some(daemon, 2000)
    checks.true("no answer waits for a full disk", slowest < 0.5 * lab.slowness(servers.build),
                slowest)
    lab.wait_for(lambda: "cannot write log.decisions" in daemon.said(), 5, "a complaint")
    checks.same("one complaint", daemon.said().count("cannot write log.decisions"), 1)
    (disk / "decisions.jsonl").unlink()
    daemon.process.send_signal(signal.SIGUSR1)
    lab.wait_for(daemon.decisions.exists, 5, "a new file")
    refuse_some(daemon, 5)
    lab.wait_for(lambda: len(daemon.records()) >= 5, 5, "lines after the disk has room")
    checks.true("lines after the disk has room", len(daemon.records()) == 5,
                daemon.decisions.read_text()[:2000])


def reopen(checks, daemon):
    """SIGUSR1 after the file was moved away, as logrotate does."""
    refuse_some(daemon, 1)
    lab.wait_for(lambda: daemon.records(), 5, "a record")
    moved = daemon.decisions.with_name("decisions.1")
    os.rename(daemon.decisions, moved)
    daemon.process.send_signal(signal.SIGUSR1)
    lab.wait_for(daemon.decisions.exists, 5, "a new file")
    size = moved.stat().st_size  # what was decided before has been written by now
    refuse_some(daemon, 3)
    lab.wait_for(lambda: len(daemon.records()) >= 3, 5, "records in the new file")
    checks.same("records in the new file", len(daemon.records()), 3)
    checks.same("none in the old one", moved.stat().st_size, size)


def broken_reload(checks, daemon):
    """A broken file changes nothing and says why."""
    daemon.configure(ENVELOPE.replace("198.51.100.0/24", "198.51.100.1/24"))
    daemon.reload()
    checks.true("the reason is in the log", "198.51.100.0/24" in daemon.said()
                and "reload refused" in daemon.said(), daemon.said())
    checks.true("the old table stays", refuse_some(daemon, 1) < 5)
    daemon.configure(ENVELOPE)
    daemon.reload()


def other_socket(checks, daemon):
    """What only a restart changes stays as it is, which a reload says; the pulse knows."""
    base = daemon.base
    daemon.base = base.replace(f"inet:{daemon.port}@", "inet:1@").replace(
        'user = "";', 'user = ""; socket_mode = "0600"; max_sessions = 7;')
    daemon.configure(ENVELOPE)
    told = daemon.ctl("reload")
    checks.same("reload with another socket", told.returncode, 0)
    for stays in (f'milter.socket stays "{daemon.milter}"', 'milter.socket_mode stays "0660"',
                  "milter.max_sessions stays 2000"):
        checks.true(f"reload tells: {stays}", f"{stays} until susmilter is restarted" in
                    told.stdout + told.stderr, told)
        checks.true(f"the log tells: {stays}", stays in daemon.said(), daemon.said())
    time.sleep(2.5)
    checks.true("the watchdog is content", "watchdog: the milter" not in daemon.said(), daemon.said())
    checks.true("and verdicts", refuse_some(daemon, 1) < 5)
    daemon.base = base
    daemon.configure(ENVELOPE)
    told = daemon.ctl("reload")
    checks.true("as it was: nothing to tell", "stays" not in told.stdout + told.stderr, told)


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("daemon_test", [GOOD, DIALUP], {})
    checks = Checks("daemon")
    with lab.Lab(build, keep) as servers:
        daemon = servers.daemon(ENVELOPE)
        stages(checks, daemon)
        clients(checks, daemon)
        hostile_replies(checks, daemon)
        reopen(checks, daemon)
        broken_reload(checks, daemon)
        other_socket(checks, daemon)
        too_many_sessions(checks, servers)
        too_few_files(checks, servers)
        unix_socket(checks, servers)
        full_disk(checks, servers)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
