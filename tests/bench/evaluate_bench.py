#!/usr/bin/python3
"""evaluate_bench: what history.evaluate costs: messages a second that need no DKIM, DMARC or SPF.

    evaluate_bench.py BUILD_DIRECTORY [ROUNDS]

Three daemons with a history, turn by turn on the same signed messages of 10 KB (message_bench.c): none,
one connection in 10, and all of them are evaluated.  The rate is what an MTA sees: header and body are
handed over for the sample alone, and hashed; the answers are looked up afterwards.  Told are the rates,
the ratios of times to that without a sample, and how many messages were evaluated and dropped.
"""
import json
import pathlib
import subprocess
import sys

import message_bench

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402

SECONDS, CONNECTIONS = 0.1, 16
CONF = """milter = {{ socket = "unix:{dir}/milter.sock"; user = ""; }};
control = {{ socket = "{dir}/control.sock"; }};
resolver = {{ servers = [ "{dns}" ]; }};
history = {{ directory = "{dir}/history"; min_free = 0; evaluate = {one_in}; }};
log = {{ syslog = false; }};
state = "{dir}/state";
"""


def start(servers, build, one_in):
    folder = servers.dir / f"evaluate-{one_in}"
    folder.mkdir()
    conf = folder / "susmilter.conf"
    conf.write_text(CONF.format(dir=folder, dns=message_bench.DNS, one_in=one_in) +
                    message_bench.BARE)
    log = open(folder / "log", "ab")
    servers.process([build / "susmilter", "-f", "-c", conf], stdout=log, stderr=log)
    lab.wait_for((folder / "milter.sock").exists, 60, "start")
    return folder


def counts(build, folder):
    told = subprocess.run([build / "susmilterctl", "--socket", folder / "control.sock", "status",
                           "--json"], capture_output=True, text=True, check=True)
    return json.loads(told.stdout)["history"]


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 81
    island.enter("evaluate_bench", [message_bench.DNS], {})
    island.cover("/etc/resolv.conf", f"nameserver {message_bench.DNS}\n")
    with lab.Lab(build) as servers:
        messages = servers.dir / "messages"
        messages.mkdir()
        message_bench.start_dns(servers, message_bench.write_messages(messages))
        folders = {one_in: start(servers, build, one_in) for one_in in (0, 10, 1)}
        # A connection is in the sample or not: each round has new ones.
        played, seconds = dict.fromkeys(folders, 0.0), dict.fromkeys(folders, 0.0)
        for i in range(rounds):
            order = list(folders) if i % 2 == 0 else list(folders)[::-1]
            done = subprocess.run(
                [build / "tests/bench/message_bench", str(CONNECTIONS), "1", str(SECONDS), messages,
                 *(f"{n}=unix:{folders[n]}/milter.sock" for n in order)],
                capture_output=True, text=True, check=True)
            for line in done.stdout.splitlines():
                name, rate = line.split()[:2]
                played[int(name)] += float(rate) * SECONDS
                seconds[int(name)] += SECONDS
        print(f"{'evaluate':<9} {'messages/s':>11} {'ratio':>7} {'evaluated':>10} {'dropped':>9}")
        for n in folders:
            c = counts(build, folders[n])
            print(f"{n:<9} {played[n] / seconds[n]:>11.0f} {played[0] / played[n]:>7.3f} "
                  f"{c['evaluated']:>10} {c['unevaluated']:>9}")


main()
