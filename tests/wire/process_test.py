#!/usr/bin/python3
"""process_test: supervisor and worker of the built daemon: how signals end them, and whether they
would start.

    process_test.py BUILD_DIRECTORY [--keep]
"""
import pathlib
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

CONF = 'susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24" ]; } );\n'
REFUSED = "y550 5.7.1 Unauthenticated mail not allowed from this range (198.51.100.0/24, dialup)"


def is_there(pid):
    return pathlib.Path(f"/proc/{pid}").exists()


def stops_in_order(checks, servers, sign):
    """The session that is open ends as it would have; then both processes are gone."""
    daemon = servers.daemon(CONF, name=sign.name)
    worker = daemon.worker()
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("[198.51.100.7]", "198.51.100.7")
        t.helo("x.example")
        t.mail("a@example.org")
        daemon.process.send_signal(sign)
        lab.wait_for(lambda: "stopping" in daemon.said() or not daemon.alive(), 5, sign.name)
        checks.same(f"{sign.name}: the session goes on", t.rcpt("b@example.net"), REFUSED)
    checks.same(f"{sign.name}: it ends well", daemon.process.wait(40), 0)
    checks.same(f"{sign.name}: so does the worker", is_there(worker), False)


def check_of_a_start(checks, servers):
    """What would keep it from starting here is told by -t, too."""
    conf = servers.dir / "start.conf"
    conf.write_text('milter = { socket = "inet:1@127.0.0.1";\n  user = "no-such-user"; };\n'
                    'log = {\n  decisions = "none/decisions.jsonl"; };\n')
    done = subprocess.run([servers.build / "susmilter", "-t", "-c", conf], capture_output=True,
                          text=True, check=False)
    checks.same("-t: status", done.returncode, 1)
    checks.same("-t: sum", done.stdout, f"{conf}: 1 error\n")
    checks.true("-t: a user", f'{conf}:2: milter.user "no-such-user": there is no such user\n'
                in done.stderr, done.stderr)
    checks.true("-t: a log", f"warning: {conf}:4: log.decisions {conf.parent}/none/" in done.stderr
                and "its directory does not exist\n" in done.stderr, done.stderr)


def deleted_sockets(checks, servers):
    """Both are made again within seconds, with their modes; the open session goes on."""
    path = servers.dir / "milter.sock"
    daemon = servers.daemon(CONF, name="deleted", socket_spec=f"unix:{path}",
                            milter='socket_mode = "0640";')
    worker = daemon.worker()
    for turn in range(2):
        with Talk(path=str(path)) as t:
            t.connect("[198.51.100.7]", "198.51.100.7")
            t.helo("x.example")
            t.mail("a@example.org")
            for deleted in (path, daemon.control):
                mode = deleted.stat().st_mode
                deleted.unlink()
                lab.wait_for(deleted.exists, 5, f"{deleted.name} again")
                lab.wait_for(lambda: deleted.stat().st_mode == mode, 2, f"its mode {mode:o}")
            checks.same(f"deleted {turn}: the session goes on", t.rcpt("b@example.net"), REFUSED)
        began = time.monotonic()
        with Talk(path=str(path)) as t:
            t.connect("[198.51.100.7]", "198.51.100.7")
            t.helo("x.example")
            t.mail("a@example.org")
            checks.same(f"deleted {turn}: a new one", t.rcpt("b@example.net"), REFUSED)
        # libmilter looks at its listener every 5 s, whatever poll(2) tells it.
        checks.true(f"deleted {turn}: within 6 s", time.monotonic() - began < 6,
                    time.monotonic() - began)
        checks.same(f"deleted {turn}: control", daemon.ctl("status").returncode, 0)
    checks.same("deleted: the worker is the same", daemon.worker(), worker)
    checks.true("deleted: the watchdog is content", "watchdog: the milter" not in daemon.said())
    daemon.process.terminate()
    checks.same("deleted: it ends", daemon.process.wait(40), 0)
    checks.true("deleted: nothing is left", not path.exists() and not daemon.control.exists(),
                (path.exists(), daemon.control.exists()))


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("process")
    with lab.Lab(build, keep) as servers:
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            stops_in_order(checks, servers, sign)
        check_of_a_start(checks, servers)
        deleted_sockets(checks, servers)
    sys.exit(checks.summary())


main()
