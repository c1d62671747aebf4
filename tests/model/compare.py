#!/usr/bin/env python3
"""compare.py BUILD [--sets N] [--sessions N] [--real N] [--seed N] [--keep DIRECTORY]

Plays generated sessions to `susmilterctl explain --batch` and to the model, and shows the first
sessions on which they do not agree; compares, for each rule of each set of generated rules, what explain
prints with what decides (outcomes.c); and plays messages with several recipients until each has its
answer (messages.c).  --sets configurations with --sessions sessions each, and
--real sessions over the lists in $SHARED/data/lists.  Exit status 1 when they differ.
"""
import argparse
import concurrent.futures
import os
import random
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab"))
import generate  # noqa: E402
import not_run  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
GEO = 4     # pairs of databases, shared by the sets
SHOWN = 3   # differing sessions of one set


def run(command, sessions, answers, **env):
    """Its answers as lines; what it complains of ends the comparison."""
    with open(sessions) as lines, open(answers, "w") as out:
        done = subprocess.run(command, stdin=lines, stdout=out, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, **env}, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} <{sessions}: status {done.returncode}\n{done.stderr}")
    with open(answers) as f:
        return f.readlines()


def outcomes(build, directory):
    """(outcomes of rules, differences) of one configuration: explain against the matcher."""
    with open(f"{directory}/sessions") as lines:
        done = subprocess.run([f"{build}/tests/model/outcomes", f"{directory}/susmilter.conf"],
                              stdin=lines, capture_output=True, text=True, check=False)
    counts = done.stdout.split()
    if len(counts) != 2 or (done.returncode != 0 and counts[1] == "0"):
        return 0, [f"{directory}: outcomes ends with {done.returncode}\n{done.stderr}"]
    return int(counts[0]), [done.stderr] if counts[1] != "0" else []


def differences(conf, what, asked, product, model):
    """The first of them, in words."""
    differing = [i for i in range(len(asked)) if model[i] != product[i]]
    return [f"{conf}, {what} {i + 1} of {len(differing)} that differ\n  {asked[i]}"
            f"  product {product[i]}  model   {model[i]}" for i in differing[:SHOWN]]


def messages(build, directory):
    """(messages, those that were split, differences) of one configuration."""
    conf, told = f"{directory}/susmilter.conf", f"{directory}/messages"
    if not os.path.exists(told):
        return 0, 0, []
    model = run([f"{build}/tests/model/model", conf], told, f"{directory}/fates.model",
                ASAN_OPTIONS="detect_leaks=0")
    product = run([f"{build}/tests/model/messages", conf], told, f"{directory}/fates.product")
    with open(told) as f:
        asked = f.readlines()
    if not len(asked) == len(model) == len(product):
        return len(asked), 0, [f"{directory}: {len(asked)} messages, {len(product)} answers of the "
                               f"product, {len(model)} of the model\n"]
    split = sum(not line.startswith("0") for line in product)
    return len(asked), split, differences(conf, "message", asked, product, model)


def compare(build, directory):
    """(sessions, refusals, outcomes of rules, messages, splits, differences) of one configuration."""
    conf, sessions = f"{directory}/susmilter.conf", f"{directory}/sessions"
    # It keeps all its memory to the end.
    model = run([f"{build}/tests/model/model", conf], sessions, f"{directory}/model",
                ASAN_OPTIONS="detect_leaks=0")
    product = run([f"{build}/susmilterctl", "explain", "--batch", "-c", conf], sessions,
                  f"{directory}/product")
    with open(sessions) as f:
        asked = f.readlines()
    if not len(asked) == len(model) == len(product):
        return len(asked), 0, 0, 0, 0, [f"{directory}: {len(asked)} sessions, {len(product)} answers "
                                     f"of the product, {len(model)} of the model\n"]
    shown = differences(conf, "session", asked, product, model)
    refused = sum('"accept"' not in line for line in product)
    told, contradicted = outcomes(build, directory)
    played, split, unlike = messages(build, directory)
    return len(asked), refused, told, played, split, shown + contradicted + unlike


def prepare(rules, directory, count, messages_count=0):
    rules.write()
    with open(f"{directory}/sessions", "w") as f:
        f.writelines(rules.sessions(count))
    if messages_count:
        with open(f"{directory}/messages", "w") as f:
            f.writelines(rules.messages(messages_count))
    return directory


def sets(options, top):
    """Writes one configuration after the other; yields their directories."""
    rnd = random.Random(options.seed)
    maker = f"{HERE}/../fake/mmdb.pl"
    geo = [(generate.Geo(rnd, f"{top}/asn{i}.mmdb", "asn", maker),
            generate.Geo(rnd, f"{top}/country{i}.mmdb", ["country", "flat"][i % 2], maker))
           for i in range(GEO)]
    lists = os.environ.get("SHARED", "../shared") + "/data/lists"
    if options.real > 0 and os.path.isdir(lists):
        # in pieces, for more than one processor
        for i in range(4):
            directory = f"{top}/real{i}"
            os.mkdir(directory)
            rules = generate.RealLists(random.Random(options.seed + i), directory, lists)
            yield prepare(rules, directory, options.real // 4)
    elif options.real > 0:
        not_run.note("model: sessions over real lists", lists)
    for i in range(options.sets):
        directory = f"{top}/{i}"
        os.mkdir(directory)
        pair = rnd.choice(geo) if rnd.random() < 0.5 else (None, None)
        rules = generate.Rules(random.Random(options.seed * 100003 + i), directory, *pair)
        yield prepare(rules, directory, options.sessions, options.sessions // 4)


def compare_all(options, top):
    totals, found = [0] * 5, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(compare, options.build, d) for d in sets(options, top)]
        for r in runs:
            *counts, shown = r.result()
            totals = [a + b for a, b in zip(totals, counts)]
            found += shown
    return totals, found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--sets", type=int, default=120)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--real", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="an empty directory in which everything is left")
    options = parser.parse_args()
    start = time.monotonic()
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
        totals, found = compare_all(options, options.keep)
    else:
        with tempfile.TemporaryDirectory(prefix="susmilter-model-") as top:
            totals, found = compare_all(options, top)
    for text in found[:20]:
        print(text, end="")
    asked, refused, told, played, split = totals
    print(f"model: {asked} sessions, {refused} not accepted, {told} outcomes of rules, "
          f"{played} messages, {split} split, "
          f"{'some differ' if found else 'all agree'}, {time.monotonic() - start:.0f} s")
    sys.exit(1 if found or 0 in (asked, told, split) else 0)


main()
