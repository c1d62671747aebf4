#!/usr/bin/python3
"""history_bench: the history by size and time, then beside jq and SQLite on the same decisions.

    history_bench.py BUILD_DIRECTORY [ROWS [ROWS_BESIDE]]

Ten million rows and half a million beside the others, unless said otherwise; needs some 100 bytes of
disk a row, and 700 for each of those beside.
"""
import json
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(sys.argv[1])
ROWS = sys.argv[2] if len(sys.argv) > 2 else "10000000"
BESIDE = sys.argv[3] if len(sys.argv) > 3 else "500000"
COLUMNS = ("time", "id", "stage", "action", "rule", "client", "client_name", "helo", "sender", "recipient",
           "from", "spf", "dkim", "dmarc", "session", "queue_id", "us")


def timed(label, act):
    start = time.monotonic()
    found = act()
    print(f"  {label:<28} {(time.monotonic() - start) * 1000:10.1f} ms, {found} found", flush=True)


def lines(*words):
    done = subprocess.run(words, capture_output=True, check=True)
    return done.stdout.count(b"\n")


def beside(scratch):
    history, log = scratch / "beside", scratch / "decisions.jsonl"
    subprocess.run([BUILD / "tests/bench/history_bench", history, BESIDE],
                   stdout=subprocess.DEVNULL, check=True)
    shutil.rmtree(history / "recorded", ignore_errors=True)
    ctl = BUILD / "susmilterctl"
    with open(log, "wb") as out:
        subprocess.run([ctl, "history", "export", "--jsonl", "--history", history], stdout=out,
                       check=True)
    base = sqlite3.connect(scratch / "decisions.sqlite")
    base.execute(f"CREATE TABLE d ({', '.join(chr(34) + c + chr(34) for c in COLUMNS)})")
    with open(log) as records:
        base.executemany(f"INSERT INTO d VALUES ({', '.join('?' * len(COLUMNS))})",
                         ([r.get(c) for c in COLUMNS] for r in map(json.loads, records)))
    base.commit()
    bytes_of = sum(f.stat().st_size for f in history.iterdir())
    print(f"{BESIDE} rows: history {bytes_of >> 20} MiB, JSON lines {log.stat().st_size >> 20} MiB, "
          f"SQLite {(scratch / 'decisions.sqlite').stat().st_size >> 20} MiB without an index")
    some = json.loads(subprocess.run([ctl, "find", "--history", history, "--json", "--count", "1"],
                                     capture_output=True, check=True).stdout)
    for title, key, value, test, glob in (
            ("recipient", "recipient", some["recipient"], "==", None),
            ("client", "client", some["client"], "==", None),
            ("pattern", "sender", "*zz?n*@*.click", "test", "^.*zz.n.*@.*\\.click$")):
        print(f" {title} {value}")
        timed("susmilterctl find", lambda: lines(ctl, "find", "--history", history, "--json",
                                                 "--count", "1000000", f"--{key}", value))
        expression = (f'select(.{key} | test("{glob.replace(chr(92), chr(92) * 2)}"))' if glob
                      else f'select(.{key} == "{value}")')
        if shutil.which("jq"):
            timed("jq", lambda: lines("jq", "-c", expression, log))
        operator = "GLOB" if glob else "="
        timed("SQLite without an index", lambda: len(base.execute(
            f'SELECT * FROM d WHERE "{key}" {operator} ?', (value,)).fetchall()))
    print(f" id {some['id']}")
    timed("susmilterctl find", lambda: lines(ctl, "find", "--history", history, "--json",
                                             "--decision", some["id"]))


def main():
    with tempfile.TemporaryDirectory(prefix="history_bench.") as place:
        scratch = pathlib.Path(place)
        subprocess.run([BUILD / "tests/bench/history_bench", scratch / "history", ROWS], check=True)
        beside(scratch)


main()
