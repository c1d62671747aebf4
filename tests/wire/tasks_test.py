#!/usr/bin/python3
"""tasks_test: more sessions than the system grants threads (pids.max, ulimit -u), and connections
that send half a packet: every session is answered.

    tasks_test.py BUILD_DIRECTORY [--long] [--keep]
"""
import atexit
import collections
import os
import pathlib
import re
import socket
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

USER = 64177  # nobody's: its tasks are the daemon's alone
LIMIT = 170
# edge/milter/milter.h, milter_door.h
BESIDES, A_SESSION, FIRST_PACKET_SECONDS = 80, 2, 30
NEGOTIATION = b"\0\0\0\x0dO\0\0\0\x06\0\0\1\xff\0\x1f\xff\xff"
AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--inh-caps=-all",
           "--bounding-set=-all"]


class Group:
    """A control group with a limit of tasks, of whichever kind is mounted."""

    def __init__(self, limit):
        mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text()
                  .splitlines()]
        tops = [m[4] for m in mounts if "cgroup2" in m or "pids" in m[-1].split(",")]
        for top in tops:
            self.path = pathlib.Path(top) / f"susmilter-test.{os.getpid()}"
            try:
                if (pathlib.Path(top) / "cgroup.subtree_control").exists():
                    (pathlib.Path(top) / "cgroup.subtree_control").write_text("+pids")
                # The limit stands above the group of the daemon, as a container's may.
                (self.path / "daemon").mkdir(parents=True)
                (self.path / "pids.max").write_text(str(limit))
                atexit.register(self.remove)  # when the daemon has ended, whatever happened
                return
            except OSError:
                self.remove()
        self.path = None

    def remove(self):
        for path in (self.path / "daemon", self.path):
            if path.exists():
                path.rmdir()

    def enter(self):
        return ["sh", "-c", 'echo $$ >"$0"/cgroup.procs && exec "$@"', self.path / "daemon"]


def threads(daemon):
    return len(os.listdir(f"/proc/{daemon.worker()}/task"))


def half_packets(daemon, count, say):
    """Connections that say no more than this."""
    some = []
    for _ in range(count):
        s = socket.create_connection(("127.0.0.1", daemon.port))
        s.sendall(say)
        some.append(s)
    return some


def closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:  # with half a packet unread
        return True


def one_session(daemon, answers, gate):
    """A session as an MTA has it, up to the answer for its recipient."""
    try:
        with Talk("127.0.0.1", daemon.port) as t:
            gate.wait()
            t.connect("[203.0.113.9]", "203.0.113.9")
            t.helo("mx.slow.test")
            answer = t.mail("a@slow.test")
            if answer == "c":
                answer = t.rcpt("b@example.net")
            answers.append(answer)
    except TimeoutError:
        answers.append("none")
    except OSError as error:
        answers.append(repr(error))


def flood(daemon, count):
    """So many sessions, all connected before the first goes on."""
    answers, gate = [], threading.Barrier(count)
    sessions = [threading.Thread(target=one_session, args=(daemon, answers, gate))
                for _ in range(count)]
    for s in sessions:
        s.start()
    for s in sessions:
        s.join()
    return collections.Counter("421" if a.startswith("y421 4.3.2 Too many sessions") else a
                               for a in answers)


def served(daemon):
    """True when an ordinary session is refused by its rule, and not for want of room."""
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("[198.51.100.7]", "198.51.100.7")
        if t.mail("a@example.org")[0] == "y":
            return False
        return t.rcpt("b@example.net").startswith("y550 5.7.1 ")


def room_told(daemon):
    told = re.search(r"threads for (\d+) sessions", daemon.said())
    return int(told[1]) if told else None


def limited(checks, label, daemon, sessions):
    room = room_told(daemon)
    checks.true(f"{label}: told at the start", room and 0 < room <= (LIMIT - BESIDES) / A_SESSION,
                daemon.said())
    checks.true(f"{label}: check tells it", "there are threads for " in
                daemon.ctl("check").stderr, daemon.ctl("check").stderr)
    told = daemon.ctl("doctor", "-c", daemon.conf).stdout
    checks.true(f"{label}: doctor tells it", re.search(r"WRONG.*the daemon is limited to \d+ threads",
                                                      told), told)
    begun = time.monotonic()
    # Half of a first packet, and nothing at all; they hold no thread and no place.
    early = (half_packets(daemon, 60, NEGOTIATION[:9]) + half_packets(daemon, 60, b""))
    before = threads(daemon)
    for _ in range(3):
        answers = flood(daemon, sessions)
        checks.true(f"{label}: {sessions} sessions, each with an answer",
                    set(answers) <= {"421", "c"} and answers["c"] >= room, answers)
        lab.wait_for(lambda: served(daemon), 5, "normal service after the flood")
    checks.true(f"{label}: 120 silent connections hold no thread", threads(daemon) <= before + 4,
                threads(daemon))
    # Half of a later packet takes a thread each, of those whose connection has one to have.
    late = half_packets(daemon, room + 20, NEGOTIATION + b"\0\0\0\x20C")
    lab.wait_for(lambda: not served(daemon), 20, "a refusal for want of room")
    answers = flood(daemon, 20)
    checks.same(f"{label}: no room at all", dict(answers), {"421": 20})
    for s in late:
        s.close()
    lab.wait_for(lambda: served(daemon), 5, "room again")
    checks.true(f"{label}: room again", True)
    end = begun + FIRST_PACKET_SECONDS + 10
    for s in early:
        s.settimeout(max(0.1, end - time.monotonic()))
    checks.true(f"{label}: connections without a first packet are closed",
                all(map(closed, early)))
    checks.true(f"{label}: the daemon lives, and the watchdog is content", daemon.alive() and
                "watchdog" not in daemon.said(), daemon.said())
    checks.same(f"{label}: told once", daemon.said().count("further ones are answered 421"), 1)
    checks.true(f"{label}: recorded", any(r.get("reason") == "too many sessions" and r["code"] == 421
                                          for r in daemon.records()), daemon.records()[-3:])
    daemon.stop()


def main():
    lab.become_root("a daemon with another user's limits is started")
    build, keep, long = sys.argv[1], "--keep" in sys.argv, "--long" in sys.argv
    checks = Checks("tasks")
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    conf = (f'resolver = {{ servers = [ "127.0.0.1@{silent.getsockname()[1]}" ]; '
            'timeout = 1.0; };\nsusranges = ( { name = "dialup"; networks = '
            '[ "198.51.100.0/24" ]; } );\n')
    sessions = 1000 if long else 300
    group = Group(LIMIT)
    with lab.Lab(build, keep) as servers:
        daemon = servers.daemon(conf, name="user", owner=USER,
                                prefix=["prlimit", f"--nproc={LIMIT}:{LIMIT}", *AS_USER])
        limited(checks, "ulimit -u", daemon, sessions)
        if group.path:
            daemon = servers.daemon(conf, name="group", prefix=group.enter())
            limited(checks, "pids.max", daemon, sessions)
        else:
            print("tasks: no control group can be made here: pids.max was not tried",
                  file=sys.stderr)
    sys.exit(checks.summary())


main()
