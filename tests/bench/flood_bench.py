#!/usr/bin/python3
"""flood_bench: what it costs normal mail that the refusals of a flood are counted for reports.

    flood_bench.py BUILD_DIRECTORY [ROUNDS]

The same flood of refusals to a million invented recipients of one domain against three daemons, in
turn: one without a database of reports, one with it, and again one without, which shows what
two equal daemons differ by on this machine.  Afterwards the totals of the report must be exact.

On a machine that does other work, too, `chrt -r 10 make bench-flood` keeps that out of the way.
"""
import json
import pathlib
import random
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402

# The latency that 99 % of mail keeps may grow by so much.
BAR = 1.05
# Of rounds taken by chance, to see between what bounds a ratio lies.
SAMPLES = 200

CONF = """
trusted_networks = [ ];
spf = { fail = "off"; };
susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24" ]; } );
"""
REPORTS = 'reports = { database = "reports.sqlite"; };\n'


def percentile(turns, share):
    all_of_them = sorted(latency for turn in turns for latency in turn)
    return all_of_them[int((len(all_of_them) - 1) * share)]


def compare(turns, base):
    """The ratio of the 99th percentiles, and the bounds of 95 % of such ratios."""
    choose, ratios = random.Random(1), []
    for _ in range(SAMPLES):
        rounds = choose.choices(range(len(turns)), k=len(turns))
        ratios.append(percentile([turns[r] for r in rounds], 0.99)
                      / percentile([base[r] for r in rounds], 0.99))
    ratios.sort()
    return (percentile(turns, 0.99) / percentile(base, 0.99), ratios[SAMPLES // 40],
            ratios[-1 - SAMPLES // 40])


def run(build, rounds, daemons):
    """Of each daemon the latencies of its turns, and its refusals."""
    done = subprocess.run([build / "tests/bench/flood_bench", rounds, *(
        f"{name}={daemon.milter}" for name, daemon in daemons.items())],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    turns, refusals = {name: [] for name in daemons}, dict.fromkeys(daemons, 0)
    for line in done.stdout.splitlines():
        name, refused, *latencies = line.split()
        turns[name].append([float(latency) for latency in latencies])
        refusals[name] += int(refused)
    return turns, refusals


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    rounds = sys.argv[2] if len(sys.argv) > 2 else "200"
    with lab.Lab(build) as servers:
        daemons = {name: servers.daemon(
            CONF + (REPORTS if name == "on" else ""), name=name,
            socket_spec=f"unix:{servers.dir / (name + '.milter')}",
            milter="max_sessions = 1000;") for name in ("off", "on", "again")}
        turns, refusals = run(build, rounds, daemons)
        told = json.loads(daemons["on"].ctl("report", "flood.example", "--json",
                                            check=True).stdout)
        status = json.loads(daemons["on"].ctl("status", "--json", check=True).stdout)["reports"]
    print(f"{'reports':>8} {'mails':>8} {'p50 µs':>8} {'p99 µs':>8} {'refusals':>10}")
    for name, seen in turns.items():
        print(f"{name:>8} {sum(map(len, seen)):>8,} {percentile(seen, 0.5):>8.1f} "
              f"{percentile(seen, 0.99):>8.1f} {refusals[name]:>10,}")
    without = [a + b for a, b in zip(turns["off"], turns["again"])]
    ratio, low, high = compare(turns["on"], without)
    print(f"p99 with reports: {ratio:.3f} of that without (95 %: {low:.3f} to {high:.3f})")
    print("two equal daemons: {:.3f} ({:.3f} to {:.3f})".format(
        *compare(turns["again"], turns["off"])))
    # What was under way when a turn ended counts for the daemon only.
    exact = (refusals["on"] <= status["counted"] == status["written"] == told["refused"]
             and status["lost"] == 0)
    print(f"totals: {status['counted']:,} counted, {told['refused']:,} in the report: "
          f"{'exact' if exact else 'WRONG'}")
    held = low <= BAR
    print(f"the 99th percentile of mail grows by no more than {BAR - 1:.0%}: "
          f"{'held' if ratio <= BAR else 'not told apart from it' if held else 'MISSED'}")
    sys.exit(0 if held and exact else 1)


main()
