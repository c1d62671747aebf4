#!/usr/bin/python3
"""verdict_bench: what the size of the table costs an MTA: the median transaction on 10 entries and 1
rule, and on 1,000,000 entries and 1,000 rules, in turn over unix sockets (milter_bench.c).

    verdict_bench.py BUILD_DIRECTORY
"""
import pathlib
import random
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402

ROUNDS, SECONDS, BAR = 41, 0.5, 1.3
HEAD = 'trusted_networks = [ ];\nspf = { fail = "off"; };\n'


def network(length):
    value = random.randrange(1 << 24, 224 << 24) & ~((1 << (32 - length)) - 1)
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}/{length}"


def small():
    return HEAD + "susranges = ( { name = \"r\"; networks = [ %s ]; } );\n" % ", ".join(
        sorted({f'"{network(24)}"' for _ in range(10)})), {}


def large():
    lists, rules, blocks = {}, [], []
    for i in range(500):
        lists[f"n{i}"] = "\n".join({network(24) for _ in range(1600)}) + "\n"
        lists[f"d{i}"] = "\n".join(f".d{random.randrange(10**7)}.example{i % 50}.com"
                                   for _ in range(400)) + "\n"
        rules.append(f'{{ name = "r{i}"; networks = [ "file:n{i}" ]; }}')
        blocks.append(f'{{ name = "b{i}"; domains = [ "file:d{i}" ]; }}')
    return (HEAD + f"susranges = ( {','.join(rules)} );\nblocks = ( {','.join(blocks)} );\n"
            'domains = ( );\n', lists)


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    random.seed(1)
    with lab.Lab(build) as servers:
        sockets = []
        for name, (conf, lists) in (("small", small()), ("large", large())):
            # From is not looked at in either, so that both see the same stages.
            conf = conf.replace('domains = [', 'in = [ "sender", "helo", "client_name" ]; domains = [')
            daemon = servers.daemon(conf, lists, name=name,
                                    socket_spec=f"unix:{servers.dir}/{name}.sock")
            sockets.append(f"{name}=unix:{servers.dir}/{name}.sock")
        out = subprocess.run([build / "tests/bench/milter_bench", "1", str(ROUNDS), str(SECONDS),
                              *sockets], capture_output=True, text=True, check=True).stdout
        p50 = {}
        for line in out.splitlines():
            name, _, median, _ = line.split()
            p50[name] = float(median)
        ratio = p50["large"] / p50["small"]
        print(f"one transaction, p50: {p50['small']:.1f} µs on 10 entries and 1 rule, "
              f"{p50['large']:.1f} µs on 1,000,000 entries and 1,000 rules; cost ratio {ratio:.2f}, "
              f"bar {BAR}: {'held' if ratio <= BAR else 'MISSED'}")
        sys.exit(0 if ratio <= BAR else 1)


main()
