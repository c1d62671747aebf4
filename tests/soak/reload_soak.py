#!/usr/bin/python3
"""reload_soak: reloads, signal storms and kill -9 while mail is delivered without pause.

    reload_soak.py BUILD_DIRECTORY [--short]

Two tables take turns; deliver.c tells by the replies which of them decided each transaction.
"""
import itertools
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

RELOADS, STORM, KILLS = 10000, 20000, 5
SHORT_RELOADS, SHORT_STORM, SHORT_KILLS = 600, 5000, 1
# Memory after so many reloads is averaged over each tenth of the rest, since at any moment there may
# be one table or two; no tenth may differ from the first by more than this.  A sanitizer's own
# memory grows with the transactions that it has seen.
SETTLED, PARTS, FLAT, FLAT_INSTRUMENTED = 100, 10, 0.05, 0.25
CONNECTIONS = 16
# Until the worker's threads have touched the memory that serving takes.
WARM_SECONDS = 3
BACK_SECONDS = 1.0
# Between two kills: as the supervisor sees it, a worker that served a while.
SERVED_SECONDS = 5.5

TABLE = """
trusted_networks = [ ];
spf = {{ fail = "off"; }};
susranges = ( {{ name = "range"; networks = [ "198.51.100.0/24", "file:many.cidr" ];
                reply = "550 5.7.1 table {letter}"; }} );
blocks = ( {{ name = "many"; helo = [ "file:many.names" ]; }} );
domains = ( {{ name = "{open}.example"; susranges = "off"; }} );
"""
TABLES = {"A": TABLE.format(letter="A", open="a"), "B": TABLE.format(letter="B", open="b")}
LISTS = {"many.cidr": "".join(f"10.{i >> 8}.{i & 255}.0/25\n" for i in range(5000)),
         "many.names": "".join(f"host{i}.example.net\n" for i in range(5000))}
# As many as a large host has: what a new worker must have read before it is back.
LARGE = {"many.cidr": "".join(f"{11 + (i >> 14)}.{i >> 6 & 255}.{(i & 63) << 2}.0/23\n"
                              for i in range(253458)),
         "many.names": "".join(f"host{i}.example.net\n" for i in range(200007))}


class Delivery:
    """deliver.c at work."""

    LINE = re.compile(r"A (\d+) B (\d+) strange (\d+) lost (\d+) sessions (\d+)")

    def __init__(self, build, spec, reconnect=False):
        self.process = subprocess.Popen(
            [build / "tests/soak/deliver", spec, str(CONNECTIONS)]
            + (["reconnect"] if reconnect else []),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def finish(self):
        """Ends it: (exit status, A, B, strange, lost, sessions)."""
        out, _ = self.process.communicate()
        numbers = self.LINE.findall(out)
        return self.process.returncode, *map(int, numbers[-1] if numbers else (0, 0, -1, -1, 0))


class Watch:
    """Counts words in the daemon's log as it grows."""

    def __init__(self, daemon, word):
        self.file, self.word, self.count = open(daemon.log_path), word, 0

    def seen(self):
        self.count += self.file.read().count(self.word)
        return self.count


def memory(pid):
    """KiB that the process has in memory."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def answered_by(daemon):
    """The table that decides a new transaction."""
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("[198.51.100.7]", "198.51.100.7")
        t.mail("a@example.org")
        replies = t.rcpt("r@a.example") + t.rcpt("r@b.example")
        return replies.replace("c", "").removeprefix("y550 5.7.1 table ")


def reload_under_load(checks, build, daemon, count):
    reloads = Watch(daemon, "is live")
    delivery = Delivery(build, daemon.milter)
    time.sleep(WARM_SECONDS)
    start, worker, samples = time.monotonic(), daemon.worker(), []
    for i, letter in zip(range(1, count + 1), itertools.cycle("BA")):
        daemon.configure(TABLES[letter])
        daemon.hangup()
        deadline = time.monotonic() + 30
        while reloads.seen() < i and time.monotonic() < deadline:
            time.sleep(0.0005)
        samples.append(memory(worker))
    seconds = time.monotonic() - start
    status, a, b, strange, lost, sessions = delivery.finish()
    checks.same("every reload is live", reloads.seen(), count)
    checks.same("verdicts of no generation", strange, 0)
    checks.same("sessions that were lost or failed", (status, lost), (0, 0))
    checks.true("both tables decided", a > count and b > count, (a, b))
    checks.same("the last table decides", answered_by(daemon), letter)
    size = (count - SETTLED) // PARTS
    parts = [sum(samples[SETTLED + i * size:SETTLED + (i + 1) * size]) // size
             for i in range(PARTS)]
    flat = FLAT_INSTRUMENTED if lab.instrumented(build) else FLAT
    checks.true("memory is flat", parts[0] * (1 - flat) <= min(parts)
                and max(parts) <= parts[0] * (1 + flat), parts)
    checks.same("the same worker", daemon.worker(), worker)
    print(f"    {count:,} reloads in {seconds:.0f} s, {a + b:,} transactions in {sessions:,} "
          f"sessions; memory {parts[0]:,} KiB at first, then {min(parts):,} to {max(parts):,}")


def storm(checks, build, daemon, count):
    delivery = Delivery(build, daemon.milter)
    worker, letters = daemon.worker(), itertools.cycle("BA")
    start = time.monotonic()
    for i in range(count):
        if i % (count // 10) == 0:
            letter = next(letters)
            daemon.configure(TABLES[letter])
        os.kill(daemon.pid, signal.SIGHUP)
    seconds = time.monotonic() - start
    try:
        lab.wait_for(lambda: answered_by(daemon) == letter, 20, "the newest table")
    except TimeoutError as e:
        checks.true(str(e), False)
    status, _, _, strange, lost, _ = delivery.finish()
    checks.same("storm: verdicts of no generation", strange, 0)
    checks.same("storm: sessions that were lost or failed", (status, lost), (0, 0))
    checks.true("storm: the same daemon and worker", daemon.alive() and daemon.worker() == worker)
    time.sleep(1)
    checks.same("storm: the newest table stays", answered_by(daemon), letter)
    print(f"    {count:,} SIGHUPs in {seconds:.1f} s")


class Knocking(threading.Thread):
    """A client that must never be let in, again and again through Postfix."""

    def __init__(self, postfix):
        super().__init__()
        self.postfix, self.ended, self.replies = postfix, False, {}

    def run(self):
        while not self.ended:
            try:
                with self.postfix.session("198.51.100.7") as s:
                    s.mail("a@example.org")
                    reply = s.rcpt("bob@example.org")
                    self.replies[reply.code] = self.replies.get(reply.code, 0) + 1
            except (OSError, AssertionError):
                self.replies[0] = self.replies.get(0, 0) + 1


def back_after(daemon, old):
    """Seconds until another worker answers."""
    start = time.monotonic()
    while time.monotonic() - start < 30:
        try:
            if daemon.worker() not in (None, old) and answered_by(daemon):
                break
        except OSError:
            pass
        time.sleep(0.005)
    return time.monotonic() - start


def kill_under_load(checks, build, daemon, postfix, count):
    delivery = Delivery(build, daemon.milter, reconnect=True)
    clients = [Knocking(postfix) for _ in range(4)]
    for client in clients:
        client.start()
    slowest = 0
    for _ in range(count):
        time.sleep(SERVED_SECONDS)
        old = daemon.worker()
        os.kill(old, signal.SIGKILL)
        slowest = max(slowest, back_after(daemon, old))
    time.sleep(1)
    for client in clients:
        client.ended = True
    for client in clients:
        client.join()
    status, a, b, strange, lost, _ = delivery.finish()
    codes = {}
    for client in clients:
        for code, n in client.replies.items():
            codes[code] = codes.get(code, 0) + n
    checks.true("kill -9: back within a second", slowest < BACK_SECONDS * lab.slowness(build),
                slowest)
    checks.same("kill -9: verdicts of no generation", (status, strange), (0, 0))
    checks.true("kill -9: connections were lost and made anew", lost > 0 and a + b > 0, lost)
    checks.same("kill -9: nothing is let in", codes.get(250, 0), 0)
    checks.true("kill -9: refused before and after", codes.get(550, 0) > 0, codes)
    print(f"    {count} kills, back after at most {slowest:.2f} s; through Postfix: "
          + ", ".join(f"{n:,} times {code or 'closed'}" for code, n in sorted(codes.items())))


def main():
    build, short = pathlib.Path(sys.argv[1]).resolve(), "--short" in sys.argv
    island.enter("reload_soak", [], {})
    checks = Checks("soak")
    with lab.Lab(build) as servers:
        daemon = servers.daemon(TABLES["A"], LISTS)
        reload_under_load(checks, build, daemon, SHORT_RELOADS if short else RELOADS)
        storm(checks, build, daemon, SHORT_STORM if short else STORM)
        checks.true("the daemon lives", daemon.alive(), daemon.said()[-2000:])
        daemon.stop()
        daemon = servers.daemon(TABLES["A"], LARGE, name="large")
        postfix = servers.postfix(daemon)
        kill_under_load(checks, build, daemon, postfix, SHORT_KILLS if short else KILLS)
        checks.true("the supervisor lives", daemon.alive(), daemon.said()[-2000:])
    sys.exit(checks.summary())


main()
