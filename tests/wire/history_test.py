#!/usr/bin/python3
"""history_test: every decision is found again: by the id of its bounce and by its parts, after a
kill -9, in a flood, on a copy, and beside a full disk.

    history_test.py BUILD_DIRECTORY [--keep]
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

GOOD, DIALUP = "203.0.113.25", "198.51.100.7"
NET = "dan@example.net"
CONF = ('trusted_networks = [ ];\nspf = { fail = "off"; };\nhelp_url = "https://help.test/d/";\n'
        'susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24" ]; } );\n'
        'history = { directory = "%s"; min_free = 0; per_network_minute = 50; '
        'evaluate = 0; };\n')


def session(daemon, client, sender, recipients, end=True):
    """The replies to RCPT, and what was said at the end."""
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect(f"[{client}]", client)
        t.helo("client.example")
        t.mail(sender)
        replies = [t.rcpt(r) for r in recipients]
        if end and "c" in replies:
            t.header("From", f"<{sender}>")
            t.end_of_headers()
            replies.append(t.end()[-1])
    return replies


def url_of(reply):
    return re.search(r"https://help\.test/d/[a-z2-7]{16}", reply)[0]


def found(daemon, *words, directory=None):
    """The objects that find prints."""
    if directory:
        told = subprocess.run([daemon.lab.build / "susmilterctl", "find", "--json", "--history",
                               directory, *words], capture_output=True, text=True, timeout=60)
    else:
        told = daemon.ctl("find", "--json", *words)
    return [json.loads(line) for line in told.stdout.splitlines()]


def by_its_parts(checks, daemon):
    refused, = session(daemon, DIALUP, "spam@one.example", [NET])
    url = url_of(refused)
    for label, given in (("id", url[-16:]), ("URL", url), ("capital letters", url.upper()),
                         ("the sentence's end", f" <{url}>.")):
        rows = found(daemon, "--decision", given)
        checks.same(f"by {label}", [r["id"] for r in rows], [url[-16:]])
    checks.same("with its reply", "550 " + rows[0]["reply"], refused[1:])
    daemon.decisions.unlink(missing_ok=True)
    told = daemon.ctl("explain", "--decision", url.upper())
    checks.true("explained without the log", "spam@one.example" in told.stdout, told)
    replies = session(daemon, GOOD, "anna@two.example", [NET, "eve@example.net"])
    checks.same("accepted", replies, ["c", "c", "c"])
    rows = found(daemon, "--sender", "ANNA@*")
    checks.same("two recipients and an end, newest first", [r["stage"] for r in rows],
                ["end", "rcpt", "rcpt"])
    checks.same("of one session", len({r["session"] for r in rows}), 1)
    checks.same("by client and recipient", [r["sender"] for r in found(
        daemon, "--client", "198.51.100.0/24", "--recipient", "example.net")],
                ["spam@one.example"])
    checks.same("by rule", len(found(daemon, "--rule", "dialup", "--since", "1h")), 1)
    checks.same("by action", len(found(daemon, "--action", "accept", "--helo", "client.example")),
                3)
    session(daemon, GOOD, "x@xn--bcher-kva.example", [NET], end=False)
    checks.same("as U-labels", len(found(daemon, "--sender", "x@b\u00fccher.example")), 1)
    checks.same("… and a domain", len(found(daemon, "--sender", ".B\u00dcCHER.example")), 1)
    told = daemon.ctl("find", "--sender", "anna@two.example", "--count", "1")
    checks.true("as a line", re.match(r"2\S+Z end  accept +203\.0\.113\.25 +anna@two\.example -> ",
                                      told.stdout), told)
    status = json.loads(daemon.ctl("status", "--json").stdout)["history"]
    checks.true("status", status["running"] and status["rows"] == 5 and status["failed"] == 0,
                status)
    return url


def backtest(checks, daemon, directory):
    """Of the mail so far: the running rules against themselves, without the range, and with another
    that refuses what passed."""
    def told(name, conf, *words):
        daemon.write(name, daemon.base + conf)
        done = daemon.ctl("backtest", str(daemon.dir / name), "--json", *words)
        return done.returncode, json.loads(done.stdout or "{}"), done

    same = CONF % directory
    for label, conf, refused, accepted in (
            ("themselves", same, 0, 0),
            ("no range", same.replace("198.51.100.0/24", "198.51.101.0/24"), 0, 1),
            ("another range", same.replace('"198.51.100.0/24" ]', '"198.51.100.0/24", "203.0.113.0/24" ]'),
             2, 0)):
        status, counts, done = told("changed.conf", conf)
        checks.same(f"backtest: {label}", (status, counts.get("newly_refused"),
                                           counts.get("newly_accepted"), counts.get("messages")),
                    (0, refused, accepted, 3))
    checks.same("the one that would be accepted was refused by", counts["rules"][0]["rule"], "dialup")
    status, counts, done = told("changed.conf", same.replace(
        '"198.51.100.0/24" ]', '"198.51.100.0/24", "203.0.113.0/24" ]'), "--max-proven", "0")
    checks.true("none of them was evaluated", status == 4 and "too few" in done.stderr, done)
    status, counts, done = told("changed.conf", "susranges = ( { nmae = 1; } );\n")
    checks.true("rules with errors", status == 1 and "nmae" in done.stderr, done)


def before_it_is_live(checks, daemon, directory):
    """check and reload tell what a change does to the mail of the last 24 hours."""
    same = CONF % directory
    wider = same.replace('"198.51.100.0/24" ]', '"198.51.100.0/24", "203.0.113.0/24" ]')
    daemon.write("changed.conf", daemon.base + wider)
    done = daemon.ctl("check", str(daemon.dir / "changed.conf"))
    checks.true("check: the last 24 hours", done.returncode == 0 and re.search(
        r"^backtest of the last 24 hours: 2 newly refused \(0 proven\), 0 newly accepted, 0 unknown "
        r"of 3 messages; \d+\.\d\d s$", done.stdout, re.M), done)
    told = json.loads(daemon.ctl("check", "--json", str(daemon.dir / "changed.conf")).stdout)
    counted = told["difference"]["backtest"]
    checks.same("… as JSON", [counted[k] for k in (
        "finished", "messages", "newly_refused", "newly_refused_proven", "newly_accepted")],
                [True, 3, 2, 0, 0])
    checks.true("… with samples", len(counted["samples"]) == 2 and all(
        s["client"] == GOOD for s in counted["samples"]), counted)
    daemon.configure(wider)
    done = daemon.ctl("reload", "--json")
    checks.same("reload: the last 24 hours",
                json.loads(done.stdout)["difference"]["backtest"]["newly_refused"], 2)
    daemon.configure(same)
    done = daemon.ctl("reload")
    checks.true("… as text, the other way round", done.returncode == 0 and
                ": 0 newly refused (0 proven), 2 newly accepted, 0 unknown of 3" in done.stdout, done)


def rules(checks, daemon, directory):
    """Hits of the mail so far, in the daemon and in the directory alone; without a history none."""
    def told(*words):
        done = daemon.ctl("rules", "--json", *words)
        return {r["rule"]: r for r in json.loads(done.stdout or "[]")}
    listed = told()
    checks.same("rules", list(listed), ["trusted_networks", "exempt_recipients", "dialup"])
    dialup = listed["dialup"]
    checks.same("hits of a rule", [dialup[k] for k in ("family", "mode", "entries", "hits")],
                ["susranges", "enforce", 1, 1])
    checks.true("its last hit", re.fullmatch(r"20\S+Z", dialup["last_hit"] or ""), dialup)
    checks.same("a rule without hits", (listed["trusted_networks"]["hits"],
                                        listed["trusted_networks"]["last_hit"]), (0, None))
    said = daemon.ctl("rules").stdout
    checks.true("rules as text", re.search(r"^susranges dialup \(\S+:\d+\): enforce, 1 entry, 1 hit,"
                                           r" the last at 20\S+Z$", said, re.M)
                and "Hits are counted since 20" in said, said)
    daemon.write("bare.conf", daemon.base + 'blocks = ( { name = "b"; sender = [ "b.example", "c@d.example" ]; '
                 'mode = "monitor"; owner = "anna"; ticket = "T-1"; comment = "a test"; } );\n')
    ctl = (daemon.lab.build / "susmilterctl", "-c", daemon.dir / "bare.conf", "rules")
    done = subprocess.run([*ctl, "--json"], capture_output=True, text=True, timeout=60)
    b = json.loads(done.stdout)[-1]
    checks.same("of a file", [b.get(k) for k in ("rule", "mode", "entries", "owner", "ticket", "comment",
                                                 "hits")],
                ["b", "monitor", 2, "anna", "T-1", "a test", None])
    checks.true("hits are not known", "history.directory is not set" in done.stderr, done)
    done = subprocess.run([*ctl, "--history", directory], capture_output=True, text=True, timeout=60)
    checks.true("of a file and a history", "blocks b (" in done.stdout and ", 0 hits" in done.stdout,
                done)


def in_a_flood(checks, daemon):
    """Sixty senders from one network: fifty rows, and one that stands for ten; each id is found."""
    replies = [session(daemon, DIALUP, f"s{i}@flood.example", [NET])[0] for i in range(60)]
    urls = [url_of(r) for r in replies]
    # At once: a repeat is one for a minute.
    again = [url_of(session(daemon, DIALUP, "s1@flood.example", [NET])[0]) for _ in range(3)]
    checks.same("a repeat has the id of the first", set(again), {urls[1]})
    rows = [found(daemon, "--decision", u) for u in urls]
    checks.true("all ids of a flood are found", all(rows), [len(r) for r in rows])
    folded = rows[-1][0]
    checks.true("the last share a row", folded.get("folded"), folded)
    total = folded.get("count", 1) + sum(1 for r in rows[-1] if r.get("example"))
    checks.same("which counts them exactly", total, sum(u == urls[-1] for u in urls))
    hits = [r["hits"] for r in json.loads(daemon.ctl("rules", "--json").stdout)
            if r["rule"] == "dialup"]
    checks.same("rules counts all that shares a row", hits, [1 + 2 + len(urls) + len(again)])


def after_kill(checks, daemon, url):
    """Of the worker: what a second ago was decided is there."""
    mine, = session(daemon, DIALUP, "before@kill.example", [NET])
    time.sleep(2.5)
    worker = daemon.worker()
    os.kill(worker, signal.SIGKILL)
    lab.wait_for(lambda: daemon.worker() not in (None, worker), 20, "another worker")
    lab.wait_for(lambda: daemon.ctl("status").returncode == 0, 20, "its control socket")
    after, = session(daemon, DIALUP, "after@kill.example", [NET])
    for label, u in (("long before", url), ("before", url_of(mine)), ("after", url_of(after))):
        checks.same(f"found {label} a kill -9", len(found(daemon, "--decision", u)), 1)
    checks.same("nothing twice", len(found(daemon, "--sender", "before@kill.example")), 1)


def on_a_copy(checks, daemon, directory, url):
    copy = daemon.dir / "copy"
    shutil.copytree(directory, copy)
    rows = found(daemon, "--decision", url, directory=copy)
    checks.same("on a copy", [r["sender"] for r in rows], ["spam@one.example"])
    (copy / "key").unlink()
    told = subprocess.run([daemon.lab.build / "susmilterctl", "find", "--history", copy,
                           "--sender", "spam@one.example", "--json"], capture_output=True, text=True)
    checks.true("without the key there are rows without ids",
                told.returncode == 0 and "spam@one.example" in told.stdout
                and '"id"' not in told.stdout and "without ids" in told.stderr, told)
    csv = subprocess.run([daemon.lab.build / "susmilterctl", "history", "export", "--csv",
                          "--history", directory], capture_output=True, text=True)
    lines = csv.stdout.splitlines()
    checks.true("as CSV", lines[0].startswith("time,id,stage") and any(
        "spam@one.example" in line for line in lines), csv)


def forgotten(checks, daemon, directory):
    told = daemon.ctl("history", "forget", "anna@two.example")
    checks.same("forget", told.returncode, 0)
    checks.same("is not found any more", found(daemon, "--sender", "anna@two.example"), [])
    held = [p.name for p in pathlib.Path(directory).iterdir() if b"anna@two" in p.read_bytes()]
    checks.same("nor in any file", held, [])


def full_disk(checks, servers):
    disk = servers.dir / "small"
    island.small_disk(disk, 300)
    daemon = servers.daemon(CONF % (disk / "history"), name="full")
    for i in range(12):
        for _ in range(20):
            session(daemon, GOOD, f"{'x' * 200}{i}{time.monotonic_ns()}@full.example",
                    [f"{'y' * 200}{i}.{time.monotonic_ns()}@example.net" for _ in range(5)],
                    end=False)
        status = json.loads(daemon.ctl("status", "--json").stdout)["history"]
        if status["failed"] > 0:
            break
        time.sleep(0.5)
    checks.true("a full disk is told", status["failed"] > 0 and not status["running"], status)
    checks.same("and mail goes on", session(daemon, GOOD, "a@b.example", [NET], end=False), ["c"])
    for old in (disk / "history").glob("accepted-*"):
        old.unlink()
    time.sleep(3)
    session(daemon, GOOD, "room@again.example", [NET], end=False)
    checks.same("with room it is kept again", len(found(daemon, "--sender", "room@again.example")),
                1)
    checks.true("and the log says so", "decisions are kept again" in daemon.said(), daemon.said())


def without_history(checks, servers):
    """A reply has the id of a decision whose line is in the log, and no other."""
    conf = CONF.split("history =")[0]
    daemon = servers.daemon(conf, name="log")
    daemon.base = daemon.base.replace("syslog = false;", "syslog = false; per_recipient_minute = 3;")
    daemon.configure(conf)
    daemon.reload()
    replies = [session(daemon, DIALUP, f"spam{i}@one.example", [NET])[0] for i in range(5)]
    checks.same("with an id, as long as lines are written",
                [bool(re.search(r"/d/[a-z2-7]{16}$", r)) for r in replies],
                [True] * 3 + [False] * 2)
    checks.true("the rest end in the page", all(r.endswith(" https://help.test/d/")
                                                for r in replies[3:]), replies)
    for reply in replies[:3]:
        told = daemon.ctl("explain", "--decision", url_of(reply))
        checks.true("and each is found", "spam" in told.stdout, told)
    daemon.stop()


def undone(checks, servers):
    """An undo of rules does not undo where and how long records are kept."""
    first, second = (servers.dir / f"history-{n}" for n in ("first", "second"))
    daemon = servers.daemon(CONF % first, name="undone")
    daemon.configure(CONF % second + 'mode = "monitor";\n')
    daemon.ctl("reload", check=True)
    for what in ("after the undo", "after a restart, too"):
        if what == "after the undo":
            daemon.ctl("reload", "--previous", check=True)
        else:
            daemon.stop()
            daemon.start()
        replies = session(daemon, DIALUP, "undone@one.example", [NET], end=False)
        checks.true(f"{what}: the rules are those before", replies[0].startswith("y550"), replies)
        # It is written within a second, and at the end.
        found(daemon, "--sender", "undone@one.example")
    daemon.stop()
    for directory, wanted in ((first, 0), (second, 2)):
        checks.same(f"{directory.name} has the records",
                    len(found(daemon, "--sender", "undone@one.example", directory=directory)),
                    wanted)


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("history_test", [GOOD, DIALUP], {})
    checks = Checks("history")
    with lab.Lab(build, keep) as servers:
        directory = servers.dir / "history"
        daemon = servers.daemon(CONF % directory)
        url = by_its_parts(checks, daemon)
        backtest(checks, daemon, directory)
        before_it_is_live(checks, daemon, directory)
        rules(checks, daemon, directory)
        after_kill(checks, daemon, url)
        in_a_flood(checks, daemon)
        on_a_copy(checks, daemon, directory, url)
        forgotten(checks, daemon, directory)
        undone(checks, servers)
        full_disk(checks, servers)
        without_history(checks, servers)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
