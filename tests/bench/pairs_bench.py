#!/usr/bin/python3
"""pairs_bench: is a daemon slower than an earlier one?  Two binaries, turn by turn.

    pairs_bench.py BUILD_DIRECTORY EARLIER_BUILD_DIRECTORY [AT_LEAST_PAIRS]

Both daemons run at once on the same configuration.  Each pair plays 0.1 s to the one and 0.1 s to
the other, in turns first, so that what else the machine does meets both alike.  Told is the median of
the ratios (time of this one by that of the earlier one; above 1 is slower) with its 95 % interval by
order statistics (binomial, no assumption on how they are distributed), for envelopes and for whole
messages with SPF, DKIM and DMARC, on 1 and on 16 connections.  Slower is what has the upper end of
its interval above 1.05.
"""
import math
import pathlib
import subprocess
import sys

import message_bench

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402

SECONDS, BAR = 0.1, 1.05
# Pairs by connections.  libmilter's pool of threads takes up a set of 16 in one of two ways for as long
# as it lasts, a factor of two apart: 101 pairs leave an interval of a tenth on either side.
PAIRS = {1: 101, 16: 505}
BASE = """milter = {{ socket = "unix:{dir}/milter.sock"; user = ""; max_sessions = 5000; }};
control = {{ socket = "{dir}/control.sock"; }};
log = {{ decisions = "{dir}/decisions.jsonl"; syslog = false; }};
"""


def start(servers, build, name):
    """A daemon by configuration that both versions know; the path of its socket."""
    folder = servers.dir / name
    folder.mkdir()
    conf = folder / "susmilter.conf"
    conf.write_text(BASE.format(dir=folder) + message_bench.FULL)
    log = open(folder / "log", "ab")
    servers.process([build / "susmilter", "-f", "-c", conf], stdout=log, stderr=log)
    lab.wait_for((folder / "milter.sock").exists, 60,
                 f"start of {build}: {(folder / 'log').read_text()}")
    return f"unix:{folder}/milter.sock"


def rates(build, program, arguments, subjects):
    """Transactions a second by name."""
    done = subprocess.run([build / f"tests/bench/{program}", *map(str, arguments),
                           *(f"{name}={spec}" for name, spec in subjects)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{program}: {done.stderr}")
    return {line.split()[0]: float(line.split()[1]) for line in done.stdout.splitlines()}


def interval(ratios):
    """The median, and the bounds of its 95 % interval."""
    ratios, n = sorted(ratios), len(ratios)
    low = max(0, math.floor(n / 2 - 1.96 * math.sqrt(n) / 2) - 1)
    return ratios[n // 2], ratios[low], ratios[n - 1 - low]


def compare(build, pairs, subjects, label, program, arguments):
    for connections, least in PAIRS.items():
        seen = []
        for i in range(max(pairs, least)):
            order = subjects if i % 2 == 0 else subjects[::-1]
            rate = rates(build, program, arguments(connections), order)
            seen.append(rate["earlier"] / rate["now"])
        median, low, high = interval(seen)
        print(f"{label:<10} {connections:>11} {median:>8.3f} {low:>8.3f} {high:>8.3f}   "
              f"{'held' if high <= BAR else 'MISSED'}", flush=True)
        yield high <= BAR


def main():
    build, earlier = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
    pairs = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    island.enter("pairs_bench", [message_bench.DNS], {})
    island.cover("/etc/resolv.conf", f"nameserver {message_bench.DNS}\n")
    with lab.Lab(build) as servers:
        messages = servers.dir / "messages"
        messages.mkdir()
        message_bench.start_dns(servers, message_bench.write_messages(messages))
        subjects = [("now", start(servers, build, "now")),
                    ("earlier", start(servers, earlier, "earlier"))]
        print(f"pairs of {SECONDS} s; ratio of times, {BAR} allowed at the upper end")
        print(f"{'':<10} {'connections':>11} {'median':>8} {'low':>8} {'high':>8}")
        held = [*compare(build, pairs, subjects, "envelope", "milter_bench",
                         lambda c: (c, 1, SECONDS)),
                *compare(build, pairs, subjects, "message", "message_bench",
                         lambda c: (c, 1, SECONDS, messages))]
    sys.exit(0 if all(held) else 1)


main()
