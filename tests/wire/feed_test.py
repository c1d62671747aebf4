#!/usr/bin/python3
"""feed_test: lists that programs write, and the three ways to reload, on the daemon itself.

    feed_test.py BUILD_DIRECTORY [--keep]
"""
import itertools
import json
import os
import pathlib
import re
import stat
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

DAY = 86400
TO = "dan@example.net"
CONF = '''
trusted_networks = [ ]; spf = { fail = "off"; }; managed_whitelist = "managed";
susranges = ( { name = "bad"; networks = [ "feed:bad.feed", "!198.51.100.77" ]; },
              { name = "own"; networks = [ "file:own.cidr" ]; } );
'''


def net(*last):
    return "".join(f"198.51.100.{i}\n" for i in last)


def many(count):
    return net(*range(1, count + 1))


def is_refused(daemon, client):
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("mx.example", client)
        t.helo("mx.example")
        t.mail("a@example.org")
        return t.rcpt(TO)[0] == "y"


def status(daemon):
    return json.loads(daemon.ctl("status", "--json", check=True).stdout)


def feed_of(daemon):
    return status(daemon)["feeds"][0]


def copies(daemon):
    return sorted(p.name for p in (pathlib.Path(daemon.state) / "copies").iterdir())


def metrics(daemon):
    return subprocess.run(["curl", "-s", f"http://127.0.0.1:{daemon.metrics}/metrics"],
                          capture_output=True, text=True, check=True).stdout


def said_first(done):
    return done.stderr.splitlines()[0] if done.stderr else ""


# ---- feeds -----------------------------------------------------------------------------------------


def taken(checks, daemon):
    feed = feed_of(daemon)
    checks.same("taken at the start", (feed["taken"], feed["entries"], feed["rule"], feed["key"]),
                (True, 20, "bad", "networks"))
    checks.true("it refuses", is_refused(daemon, "198.51.100.7"))
    checks.true("its copy lies there", re.search(r"^feed bad networks \d+ .*/bad\.feed$",
                (daemon.state / "copies" / "index").read_text(), re.M))
    for path in (daemon.state / "copies").iterdir():
        checks.same(f"mode of {path.name}", stat.S_IMODE(path.stat().st_mode), 0o640)
    checks.same("mode of the directory", stat.S_IMODE((daemon.state / "copies").stat().st_mode),
                0o750)
    daemon.write("bad.feed", many(20) + "198.51.101.9/24\nx\n!198.51.100.1\n198.51.100.77\n"
                 "0.0.0.0/0\n198.51.100.0/2")
    daemon.write("bad.feed", many(70) + "198.51.101.9/24\nx\n!198.51.100.1\n198.51.100.77\n"
                 "0.0.0.0/0\n")
    done = daemon.ctl("reload")
    checks.true("left out, in one warning", done.returncode == 0 and re.fullmatch(
        r'warning: .*bad\.feed:72: 4 of 75 lines of the feed of "bad" were left out: '
        r'1: taken out by the rule\'s "!" \(line 74\); 1: not an entry \(line 72; first: .*\); '
        r'1: wider than a feed may be \(line 75\); 1: "!" \(allowed .*\) \(line 73\)\n',
        done.stderr), done.stderr)
    checks.true("host bits are cleared", is_refused(daemon, "198.51.101.200"))
    checks.true("what the rule takes out stays out", not is_refused(daemon, "198.51.100.77"))
    checks.true("nothing else", not is_refused(daemon, "192.0.2.1"))


def kept(checks, daemon):
    """Whatever stands there: the reload succeeds, says so first, and the rule keeps what it had."""
    path = daemon.dir / "bad.feed"

    def nothing():
        pass

    def directory():
        path.mkdir()

    def fifo():
        os.mkfifo(path)

    def write(text):
        return lambda: path.write_bytes(text)

    daemon.write("own.cidr", "203.0.113.0/24\n203.0.113.0/24\n")  # a warning of another file
    for label, make, reason in (
            ("absent", nothing, "it cannot be opened: No such file"),
            ("a directory", directory, "it is a directory"),
            ("a FIFO", fifo, "it is a device, pipe or socket"),
            ("empty", write(b""), "it has no entries"),
            ("only comments", write(b"# nothing\n\n"), "it has no entries"),
            ("an error page", write(b"<html>\n<p>\n502\n</html>\n"), "4 of its 4 lines are bad"),
            ("zeros", write(b"\0" * 4096), "it has no entries"),
            ("bad lines", write(many(40).encode() + b"x\ny\nz\n"), "3 of its 43 lines are bad"),
            ("half of it", write(many(30).encode()), "42 of its 72 entries are gone (58 %")):
        if path.is_dir():
            path.rmdir()
        elif path.exists():
            path.unlink()
        make()
        done = daemon.ctl("reload")
        checks.true(f"{label}: said first", done.returncode == 0 and reason in said_first(done)
                    and 'the feed of "bad" is not taken' in said_first(done)
                    and "the rule keeps the 72 entries of" in said_first(done), done)
        checks.true(f"{label}: kept", is_refused(daemon, "198.51.100.65"))
        feed = feed_of(daemon)
        checks.true(f"{label}: status", not feed["taken"] and reason in feed["reason"]
                    and feed["entries"] == 71, feed)
    text = daemon.ctl("status", check=True).stdout
    checks.true("status for people", "feeds        1, 1 of them not taken" in text
                and "NOT TAKEN" in text and "reload --take bad" in text, text)
    told = json.loads(daemon.ctl("reload", "--json", check=True).stdout)
    checks.true("as JSON", told["ok"] and not told["feeds"][0]["taken"]
                and "is not taken" in told["warnings"][0], told)
    text = metrics(daemon)
    labels = r'\{rule="bad",key="networks",path="[^"]*/bad\.feed"\}'
    for name, value in (("taken", "0"), ("entries", "71"), ("modified_timestamp_seconds", r"\d+")):
        checks.true(f"metric {name}", re.search(
            rf"^susmilter_feed_{name}{labels} {value}$", text, re.M), text[-3000:])
    done = daemon.ctl("check")
    checks.true("check says so as well", done.returncode == 0 and "is not taken" in
                said_first(done), done.stderr)


def restarted(checks, daemon):
    """The copy outlives the process, and so does the memory of a feed that shrank."""
    daemon.stop()
    daemon.start()
    checks.true("kept over a restart", is_refused(daemon, "198.51.100.65"))
    feed = feed_of(daemon)
    checks.true("still not taken", not feed["taken"] and feed["entries"] == 71
                and feed["shrunken_reloads"] >= 2, feed)
    os.kill(daemon.worker(), 9)
    lab.wait_for(lambda: daemon.said().count("ready") >= 1 and daemon.ctl("status").returncode
                 == 0, 20, "another worker")
    checks.true("kept over a crash", is_refused(daemon, "198.51.100.65"))


def taken_by_hand(checks, daemon):
    done = daemon.ctl("reload", "--take", "own")
    checks.true("a rule without a feed", done.returncode == 1 and 'no rule named "own" has a feed' in
                done.stderr, done)
    done = daemon.ctl("reload", "--take", "nobody")
    checks.same("no such rule", done.returncode, 1)
    done = daemon.ctl("reload", "--take", "bad", "--if-changed")
    checks.same("one way only", done.returncode, 2)
    done = daemon.ctl("reload", "--take", "bad")
    checks.true("taken", done.returncode == 0 and "is not taken" not in done.stderr, done)
    checks.same("and in use", (feed_of(daemon)["taken"], feed_of(daemon)["entries"]), (True, 30))
    checks.true("what is gone is accepted", not is_refused(daemon, "198.51.100.65"))
    daemon.write("bad.feed", "x\ny\nz\n")
    done = daemon.ctl("reload", "--take", "bad")
    checks.true("bad lines are not taken by hand", done.returncode == 1
                and "is not taken" in said_first(done), done)


def taken_in_time(checks, daemon):
    """Three reloads over a day; the index is set back to have a day."""
    daemon.write("bad.feed", many(40))
    daemon.ctl("reload", check=True)
    daemon.write("bad.feed", many(10))
    for _ in range(4):
        daemon.ctl("reload", check=True)
    checks.same("four within a day", feed_of(daemon)["taken"], False)
    daemon.stop()
    index = daemon.state / "copies" / "index"
    text = index.read_text()
    feed = re.search(r"^feed bad networks (\S+ ){7}(\d+) 4 ", text, re.M)
    checks.true("what the index knows", feed, text)
    index.write_text(text[:feed.start(2)] + str(int(feed[2]) - DAY) + text[feed.end(2):])
    daemon.start()
    checks.same("a day later", (feed_of(daemon)["taken"], feed_of(daemon)["entries"]), (True, 10))


def never_read(checks, servers):
    try:
        servers.daemon(CONF, {"own.cidr": "203.0.113.0/24\n"}, name="never")
        checks.true("a feed that was never read stops a start", False)
    except RuntimeError as e:
        checks.true("a feed that was never read stops a start",
                    "it was never read, so there is no copy" in str(e) and "susmilter.conf:7" in str(e), e)


def denied(checks, servers, daemon):
    """Who cannot read the copies is warned, and no more."""
    for label, text, wanted in (("there", many(40), "so a feed that shrank is not noticed"),
                                ("gone", "", "whether the daemon has a copy is unknown")):
        daemon.write("bad.feed", text)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               servers.build / "susmilterctl", "-c", daemon.conf, "check"],
                              capture_output=True, text=True, check=False)
        checks.true(f"check as a user: {label}", done.returncode == 0 and wanted in done.stderr,
                    done)
    daemon.write("bad.feed", many(40))


# ---- --if-changed ----------------------------------------------------------------------------------


def if_changed(checks, daemon):
    daemon.ctl("reload", check=True)
    live = status(daemon)["generation"]
    own = daemon.dir / "own.cidr"

    def look(label, changed):
        nonlocal live
        done = daemon.ctl("reload", "--if-changed")
        now = status(daemon)["generation"]
        live += changed
        checks.true(f"if changed: {label}", done.returncode == 0 and now == live and
                    ("nothing changed" in done.stdout) == (not changed), (done, now, live))

    look("nothing", False)
    daemon.write("own.cidr", "203.0.113.0/25\n")
    look("a list", True)
    look("again", False)
    # Nothing is read: what has the same inode, size and time is taken for what it was.
    before = own.stat()
    with open(own, "r+") as f:
        f.write("203.0.113.0/26")
    os.utime(own, ns=(before.st_atime_ns, before.st_mtime_ns))
    look("only the bytes", False)
    os.utime(own)
    look("the time", True)
    daemon.write("own.cidr", own.read_text())
    look("the inode", True)
    daemon.write("bad.feed", many(41))
    look("a feed", True)
    daemon.write("managed", "203.0.113.7\n")
    look("a file that was not there", True)
    (daemon.dir / "managed").unlink()
    look("a file that is gone", True)
    own.chmod(0o600)
    look("the mode", False)
    daemon.configure(CONF + 'help_url = "https://x.example/";\n')
    look("the configuration", True)
    told = json.loads(daemon.ctl("reload", "--if-changed", "--json", check=True).stdout)
    checks.same("as JSON", (told["ok"], told["changed"], told["generation"]), (True, False, live))
    daemon.write("own.cidr", "203.0.113.1/24\n")
    done = daemon.ctl("reload", "--if-changed")
    checks.true("a bad list is refused", done.returncode == 1 and "host bits" in done.stderr, done)
    before = daemon.said().count("reload refused")
    done = daemon.ctl("reload", "--if-changed")
    checks.true("and not read again", done.returncode == 1
                and "nothing changed since the reload that was refused" in done.stderr
                and "host bits" in done.stderr
                and daemon.said().count("reload refused") == before, done)
    daemon.write("own.cidr", "203.0.113.0/24\n")
    look("until it is mended", True)
    opened = os.stat(own).st_atime_ns
    look("nothing at all", False)
    checks.same("no access", os.stat(own).st_atime_ns, opened)


# ---- --previous ------------------------------------------------------------------------------------


def previous(checks, daemon):
    daemon.write("own.cidr", "203.0.113.0/24\n")
    daemon.ctl("reload", check=True)
    daemon.ctl("reload", check=True)  # the same files are the same generation's
    good = status(daemon)["generation"]
    daemon.write("own.cidr", "192.0.2.0/24\n")
    daemon.ctl("reload", check=True)
    checks.true("the slip", is_refused(daemon, "192.0.2.1"))
    done = daemon.ctl("reload", "--previous")
    checks.true("undone", done.returncode == 0 and "files        copies from" in done.stdout, done)
    checks.same("as before", (is_refused(daemon, "192.0.2.1"), is_refused(daemon, "203.0.113.1")),
                (False, True))
    now = status(daemon)
    checks.same("status", (now["source"], now["generation"]), ("copy", good + 2))
    checks.true("status for people", "files        copies from" in daemon.ctl("status").stdout)
    explained = daemon.ctl("explain", "--client", "203.0.113.1", "--json", check=True).stdout
    checks.true("the line is that of the copy", "own.cidr:1" in explained, explained)
    done = daemon.ctl("reload", "--previous")
    checks.true("once", done.returncode == 1 and "already comes from the copy" in done.stderr, done)
    checks.same("which is no failed reload", status(daemon)["last_reload"]["ok"], True)
    done = daemon.ctl("reload", "--if-changed")
    checks.true("a timer does not undo it", "nothing changed" in done.stdout, done)
    daemon.write("bad.feed", many(42))
    done = daemon.ctl("reload", "--if-changed")
    checks.true("nor does a feed", "nothing changed" in done.stdout, done)
    daemon.ctl("whitelist", "add", "203.0.113.9", check=True)
    checks.same("nor the whitelist, which goes on", (status(daemon)["source"],
                is_refused(daemon, "203.0.113.9"), is_refused(daemon, "203.0.113.1")),
                ("copy", False, True))
    daemon.stop()
    daemon.start()
    checks.same("nor a restart", (status(daemon)["source"], is_refused(daemon, "192.0.2.1"),
                is_refused(daemon, "203.0.113.9")), ("copy", False, False))
    checks.true("which says so", "running from the copy of the previous generation" in
                daemon.said())
    daemon.ctl("reload", "--if-changed", check=True)
    checks.same("nor the timer after it", status(daemon)["source"], "copy")
    daemon.write("own.cidr", "203.0.113.0/25\n")
    daemon.ctl("reload", "--if-changed", check=True)
    checks.same("but an edit does", (status(daemon)["source"], is_refused(daemon, "203.0.113.200"),
                is_refused(daemon, "203.0.113.1")), ("files", False, True))
    daemon.ctl("reload", "--previous", check=True)
    checks.same("before it was the copy", (status(daemon)["source"],
                is_refused(daemon, "203.0.113.200")), ("copy", True))
    daemon.ctl("reload", check=True)
    checks.same("a plain reload reads the files", (status(daemon)["source"],
                is_refused(daemon, "203.0.113.200")), ("files", False))
    daemon.ctl("reload", "--previous", check=True)
    daemon.write("own.cidr", "203.0.113.0/26\n")
    daemon.stop()
    daemon.start()
    checks.same("an edit before a restart counts", (status(daemon)["source"],
                is_refused(daemon, "203.0.113.100")), ("files", False))
    daemon.ctl("whitelist", "remove", "203.0.113.9", check=True)
    before = daemon.base
    daemon.base = before.replace("milter = { ", "milter = { max_sessions = 77; ")
    daemon.configure(CONF)
    daemon.ctl("reload", check=True)
    daemon.ctl("reload", "--previous", check=True)
    daemon.stop()
    daemon.start()
    checks.same("the copy of a main file with other sockets or limits starts, too",
                status(daemon)["source"], "copy")
    daemon.base = before
    daemon.configure(CONF)
    daemon.ctl("reload", check=True)


def all_at_once(checks, servers):
    """Checks, scrapes and reloads side by side, while the feed comes, goes and shrinks."""
    port = lab.free_port()
    daemon = servers.daemon(f'metrics = {{ listen = "127.0.0.1:{port}"; }};\n' + CONF,
                            {"bad.feed": many(20), "own.cidr": "203.0.113.0/24\n"}, name="busy")
    daemon.metrics = port
    ends = time.monotonic() + 4
    statuses = set()

    def repeat(*words):
        while time.monotonic() < ends:
            statuses.add((words[0], daemon.ctl(*words).returncode))

    def scrape():
        while time.monotonic() < ends:
            metrics(daemon)

    threads = [threading.Thread(target=repeat, args=w) for w in (
        ("check",), ("status",), ("reload",), ("reload", "--if-changed"), ("reload", "--previous"),
        ("reload", "--take", "bad"))] + [threading.Thread(target=scrape)]
    for t in threads:
        t.start()
    for i in itertools.count():
        daemon.write("bad.feed", many(20 + i % 7 * 30))
        daemon.write("own.cidr", f"203.0.113.0/{24 + i % 4}\n")
        if i % 5 == 0:
            (daemon.dir / "bad.feed").unlink()
        if time.monotonic() >= ends:
            break
        time.sleep(0.05)
    for t in threads:
        t.join()
    checks.same("only reloads may fail", {s for s in statuses if s[1] != 0} - {("reload", 1)}, set())
    daemon.write("bad.feed", many(200))
    checks.same("and all is well", daemon.ctl("reload").returncode, 0)
    checks.same("in the same worker", status(daemon)["worker_restarts"], 0)


def other_state(checks, servers):
    """The state directory is that of the start."""
    daemon = servers.daemon('spf = { fail = "off"; };\n', name="moved")
    daemon.base = daemon.base.replace(f'state = "{daemon.state}"', 'state = "elsewhere"')
    daemon.configure('spf = { fail = "monitor"; };\n')
    done = daemon.ctl("reload")
    checks.true("another state directory", done.returncode == 0 and
                f'state stays "{daemon.state}" until susmilter is restarted' in done.stderr, done)
    checks.same("is not made", (daemon.dir / "elsewhere").exists(), False)
    done = daemon.ctl("reload", "--previous")
    checks.same("the way back goes through the old one", done.returncode, 0)


def programs_domains(checks, servers):
    """A line of a machine-written domains file that asks for what forwards forbids stops nothing."""
    daemon = servers.daemon('domains_file = "map";\n', {"map": "a.example susranges=on\n"},
                            name="map")
    daemon.write("map", "a.example susranges=on\nb.example susranges=off forwards=true\n")
    done = daemon.ctl("reload", "--if-changed")
    checks.true("susranges = off with forwards", done.returncode == 0
                and "generation 2 is live" in done.stdout
                and "map:2: b.example: forwards = true cancels susranges = off" in done.stderr, done)


def nothing_before(checks, servers):
    daemon = servers.daemon('spf = { fail = "off"; };\n', name="first")
    done = daemon.ctl("reload", "--previous")
    checks.true("nothing before", done.returncode == 1 and "no previous generation" in done.stderr,
                done)
    index = daemon.state / "copies" / "index"
    daemon.stop()
    index.write_bytes(index.read_bytes()[:-5])
    daemon.start()
    checks.true("a damaged index is told", "starting without them" in daemon.said(), daemon.said())
    daemon.stop()
    checks.true("and made anew", index.read_text().endswith("end\n"))


# ---- a full disk -----------------------------------------------------------------------------------


def full_disk(checks, servers):
    disk = island.PLACE / "state"
    island.small_disk(disk, 64)
    daemon = servers.daemon(CONF, {"bad.feed": many(20), "own.cidr": "203.0.113.0/24\n"},
                            name="full", state=disk)
    daemon.ctl("reload", check=True)
    filler = disk / "filler"
    try:
        filler.write_bytes(b"x" * 10**6)
    except OSError:
        pass
    before = copies(daemon)
    daemon.write("bad.feed", many(30))
    done = daemon.ctl("reload")
    checks.true("full: the reload goes on and tells", done.returncode == 0
                and "could not be copied" in done.stderr and "No space left" in done.stderr, done)
    checks.true("full: mail goes on", is_refused(daemon, "198.51.100.29"))
    checks.same("full: the old copies stay, and nothing else", copies(daemon), before)
    checks.true("full: status", "No space left" in status(daemon)["state_error"])
    (daemon.dir / "bad.feed").unlink()
    done = daemon.ctl("reload")
    checks.true("full: a feed without a copy is kept from memory", done.returncode == 0
                and "is not taken" in said_first(done) and is_refused(daemon, "198.51.100.29"),
                done)
    daemon.write("own.cidr", "192.0.2.0/24\n")
    daemon.ctl("reload", check=True)
    filler.unlink()
    daemon.write("bad.feed", many(31))
    done = daemon.ctl("reload")
    checks.true("full: written when there is room", "could not be copied" not in done.stderr
                and status(daemon)["state_error"] is None and copies(daemon) != before, done)
    (daemon.dir / "bad.feed").unlink()
    daemon.stop()
    daemon.start()
    checks.true("full: and outlives a restart", is_refused(daemon, "198.51.100.30"))


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("feed_test", [], {})
    checks = Checks("feed")
    with lab.Lab(build, keep) as servers:
        port = lab.free_port()
        daemon = servers.daemon(f'metrics = {{ listen = "127.0.0.1:{port}"; }};\n' + CONF,
                                {"bad.feed": many(20), "own.cidr": "203.0.113.0/24\n"})
        daemon.metrics = port
        taken(checks, daemon)
        kept(checks, daemon)
        restarted(checks, daemon)
        taken_by_hand(checks, daemon)
        taken_in_time(checks, daemon)
        never_read(checks, servers)
        denied(checks, servers, daemon)
        daemon.configure(CONF)
        if_changed(checks, daemon)
        previous(checks, daemon)
        nothing_before(checks, servers)
        programs_domains(checks, servers)
        other_state(checks, servers)
        all_at_once(checks, servers)
        full_disk(checks, servers)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
