#!/usr/bin/python3
"""milter_bench: transactions a second of susmilter beside a libmilter filter that does nothing.

    milter_bench.py BUILD_DIRECTORY [RANGES_FILE]

Both hold the same conversation over unix sockets (milter_bench.c, noop_milter.c), one after the
other in each round.  susmilter has the published ranges loaded and writes its decision log; the
noop filter neither decides nor writes.  Without RANGES_FILE as many ranges are made up.
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
import ranges  # noqa: E402

# Connections, and the rounds of each: many where the floor counts.
ROUNDS = {1: 11, 16: 101, 256: 101, 1000: 21}
SECONDS = 0.1
# The floor that the project promises, where it is promised.
BAR, BAR_AT = 0.9, (16, 256)

ENVELOPE = """
trusted_networks = [ ];
spf = { fail = "off"; };
susranges = ( { name = "ranges"; networks = [ "file:ranges.cidr" ]; } );
"""
HEADERS = ENVELOPE + 'blocks = ( { name = "monster"; domains = [ ".monster" ]; } );\n'


def measure(build, connections, sockets):
    done = subprocess.run([build / "tests/bench/milter_bench", str(connections),
                           str(ROUNDS[connections]), str(SECONDS),
                           *(f"{name}=unix:{path}" for name, path in sockets.items())],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return {name: tuple(map(float, numbers)) for name, *numbers in
            map(str.split, done.stdout.splitlines())}


def compare(build, label, sockets):
    """A table of one conversation; the worst ratio where the bar counts."""
    print(f"\n{label}")
    print(f"{'connections':>11}  {'susmilter/s':>11} {'p50 µs':>8} {'p99 µs':>8}   "
          f"{'noop/s':>9} {'p50 µs':>8} {'p99 µs':>8}   ratio")
    worst = 10.0
    for connections in ROUNDS:
        seen = measure(build, connections, sockets)
        ratio = seen["susmilter"][0] / seen["noop"][0]
        if connections in BAR_AT:
            worst = min(worst, ratio)
        ours, noop = seen["susmilter"], seen["noop"]
        print(f"{connections:>11}  {ours[0]:>11,.0f} {ours[1]:>8.1f} {ours[2]:>8.1f}   "
              f"{noop[0]:>9,.0f} {noop[1]:>8.1f} {noop[2]:>8.1f}   {ratio:.2f}")
    return worst


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    networks = ranges.published(pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    worst = 10.0
    with lab.Lab(build) as servers:
        for label, conf, mode in (("envelope: MAIL, RCPT, end", ENVELOPE, []),
                                  ("with 8 header fields", HEADERS, ["headers"])):
            name = "headers" if mode else "envelope"
            ours, noop = servers.dir / f"{name}.ours", servers.dir / f"{name}.noop"
            daemon = servers.daemon(conf, {"ranges.cidr": "\n".join(networks) + "\n"}, name=name,
                                    socket_spec=f"unix:{ours}", milter="max_sessions = 5000;")
            filter_ = servers.process([build / "tests/bench/noop_milter", f"unix:{noop}", *mode])
            lab.wait_for(noop.exists, 10, "start of the noop filter")
            if not mode:
                print(f"{len(networks):,} ranges loaded, decision log on, "
                      f"{os.cpu_count()} processors; rounds of {SECONDS} s: {ROUNDS}")
            worst = min(worst, compare(build, label, {"susmilter": ours, "noop": noop}))
            filter_.stop()
            daemon.stop()
    print(f"\nworst ratio at {BAR_AT[0]} and {BAR_AT[1]} connections: {worst:.2f} "
          f"(floor {BAR}): {'held' if worst >= BAR else 'MISSED'}")
    sys.exit(0 if worst >= BAR else 1)


main()
