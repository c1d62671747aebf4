#!/usr/bin/python3
"""terminal_test: susmilterctl tail and top as a person sees them, under mixed traffic.

    terminal_test.py BUILD_DIRECTORY [--keep]

On terminals of several sizes, slow ones and dumb ones, on none, and while the daemon reloads, loses
its worker, ends and comes back.
"""
import fcntl
import json
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
import traffic  # noqa: E402
from checks import Checks  # noqa: E402

ENTER, LEAVE, HOME = "\033[?1049h", "\033[?1049l", "\033[H"
# A page a second, on a busy machine.
PAGE_SECONDS = 20


class Terminal:
    """susmilterctl on a terminal of its own."""

    def __init__(self, daemon, *words, columns=80, lines=24, kind="xterm"):
        self.master, slave = os.openpty()
        self.resize(columns, lines)
        self.process = subprocess.Popen(
            [daemon.lab.build / "susmilterctl", "--socket", daemon.control, *words],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": kind},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.before = termios.tcgetattr(slave)
        self.slave, self.seen = slave, ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, key):
        os.write(self.master, key.encode())

    def read(self):
        """All that has come by now."""
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
        return self.seen

    def page(self):
        """The lines of the newest page that is whole."""
        whole = self.read().split("\033[J")[:-1]
        return whole[-1].split(HOME)[-1].replace("\033[K", "").split("\n") if whole else []

    def await_page(self, condition=lambda page: True, what="a page"):
        """The first page from now on that is as it should be."""
        self.seen = self.read().rsplit("\033[J", 1)[-1]
        lab.wait_for(lambda: self.page() and condition(self.page()), PAGE_SECONDS, what)
        return self.page()

    def await_text(self, text):
        lab.wait_for(lambda: text in self.read(), PAGE_SECONDS, f"\"{text}\"")

    def ended(self):
        """Its exit status, and whether the terminal is as it was."""
        status = self.process.wait(10)
        return status, termios.tcgetattr(self.slave) == self.before


def seconds_of(page):
    """How old a page is."""
    shown = re.search(r"(\d\d):(\d\d):(\d\d)Z", page[0])
    h, m, s = map(int, shown.groups())
    return (time.time() - (h * 3600 + m * 60 + s)) % 86400


# ---- top ------------------------------------------------------------------------------------------


def sizes(checks, daemon):
    for columns, lines in ((80, 24), (132, 43), (30, 5), (300, 80)):
        with Terminal(daemon, "top", columns=columns, lines=lines) as t:
            page = t.await_page()
            label = f"top, {columns}x{lines}"
            # Where it is too narrow the terminal cuts, as it is told.
            checks.true(f"{label}: fits", len(page) <= lines
                        and max(map(len, page)) <= max(columns, 40), "\n".join(page))
            checks.true(f"{label}: a screen of its own", t.read().startswith(ENTER), t.read()[:99])
            text = "\n".join(page)
            for word in ("enforce", "decisions", "DNS", "FAMILY", "CLIENT")[:lines // 4]:
                checks.true(f"{label}: {word}", word in text, text)
            if columns >= 80:
                for word in ("generation 1", " session", "dialup", "would_reject", "203.0.113.",
                             " ms at RCPT", " messages/s"):
                    checks.true(f"{label}: {word}", word in text, text)
            if lines >= 43:
                checks.true(f"{label}: more clients", text.count("203.0.113.") > 3, text)
            t.press("q")
            checks.same(f"{label}: q ends it", t.ended(), (0, True))
            checks.true(f"{label}: the screen is given back", t.read().endswith(LEAVE), t.read())


def resized(checks, daemon):
    with Terminal(daemon, "top") as t:
        t.await_page()
        t.resize(132, 43)
        page = t.await_page(lambda p: len(p) > 24, "a larger page")
        checks.true("resized: wider", max(map(len, page)) <= 132, page)
        t.resize(60, 12)
        page = t.await_page(lambda p: len(p) <= 12, "a smaller page")
        checks.true("resized: narrower", max(map(len, page)) <= 60, page)
        t.press("\x03")
        checks.same("^C ends it", t.ended(), (0, True))
    with Terminal(daemon, "top", "--columns", "50", "--lines", "12") as t:
        page = t.await_page()
        checks.true("as large as it is told", len(page) <= 12 and max(map(len, page)) <= 50, page)
        t.process.terminate()
        checks.same("SIGTERM gives the screen back", t.ended(), (1, True))


def slow(checks, daemon):
    """Who does not read for a while sees the present afterwards, not the past."""
    with Terminal(daemon, "top", columns=300, lines=80) as t:
        t.await_page()
        time.sleep(6)
        page = t.await_page(lambda p: seconds_of(p) < 3, "a page of now")
        checks.true("after a stall: now", seconds_of(page) < 3, page[0])
        t.press("q")
        checks.same("after a stall: q", t.ended(), (0, True))


def plain(checks, daemon):
    """No terminal, or one that can do nothing: pages behind each other."""
    with Terminal(daemon, "top", kind="dumb") as t:
        lab.wait_for(lambda: t.read().count("susmilter  ") >= 2, PAGE_SECONDS, "two pages")
        checks.true("dumb: no control sequences", "\033" not in t.read(), t.read())
    done = daemon.ctl("top", "--once", check=True)
    checks.true("--once", "dialup" in done.stdout and "203.0.113." in done.stdout
                and "\033" not in done.stdout and len(done.stdout.splitlines()) <= 24
                and max(map(len, done.stdout.splitlines())) <= 80, done.stdout)
    pipe = subprocess.Popen([daemon.lab.build / "susmilterctl", "--socket", daemon.control, "top"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    heads = [pipe.stdout.readline() for _ in range(2)]
    pipe.stdout.close()
    checks.true("a pipe", heads[0].startswith("susmilter  ") and "\033" not in heads[0], heads)
    checks.true("a pipe that ends ends it", pipe.wait(10) != 0)
    pipe.stderr.close()
    for argv in (("--columns", "x"), ("--lines", "0")):
        checks.same(f"top {argv}", daemon.ctl("top", "--once", *argv).returncode, 2)


def crowd(checks, daemon):
    """As many as may look; one more is told so."""
    looks = [subprocess.Popen([daemon.lab.build / "susmilterctl", "--socket", daemon.control,
                               "top", "--once"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) for _ in range(9)]
    ended = [(*look.communicate(), look.returncode) for look in looks]
    checks.true("a crowd looks", sum(status == 0 for _, _, status in ended) >= 8
                and all(status == 0 or "too many" in err for _, err, status in ended), ended)


def changes(checks, daemon):
    """What happens to the daemon is seen, and outlived."""
    with Terminal(daemon, "top") as t:
        t.await_page()
        good = daemon.conf.read_text()
        daemon.conf.write_text("broken = ")
        daemon.reload()
        page = t.await_page(lambda p: any(l.startswith("!") for l in p), "a complaint")
        checks.true("a refused reload is told with its line", any(
            "reload refused: susmilter.conf:" in l for l in page), page)
        daemon.conf.write_text(good)
        daemon.reload()
        page = t.await_page(lambda p: "generation 2" in p[0], "the new generation")
        checks.true("nothing is wrong any more", not any(l.startswith("!") for l in page), page)
        os.kill(daemon.worker(), signal.SIGKILL)
        t.await_text("has not answered since")
        page = t.await_page(lambda p: "generation 1" in p[0], "the new worker")
        checks.true("the next worker is shown", "/s" in page[1], page)


def absent(checks, daemon):
    """The daemon is gone: who watched waits, who begins is told."""
    with Terminal(daemon, "top") as t, Terminal(daemon, "tail") as tail:
        t.await_page()
        daemon.stop()
        t.await_text("has not answered since")
        tail.await_text("the connection to susmilter was lost")
        checks.same("tail ends", tail.ended(), (1, True))
        checks.true("top waits", t.process.poll() is None)
        t.press("q")
        checks.same("and can be ended", t.ended(), (0, True))
    with Terminal(daemon, "top") as t:
        t.await_text("no susmilter listens on")
        checks.same("none to begin with", t.ended(), (1, True))
        checks.true("… leaves the screen alone", ENTER not in t.read(), t.read())


# ---- a terminal emulator ----------------------------------------------------------------------------


class Tmux:
    """susmilterctl in a terminal that is a program of its own: what a person would see."""

    def __init__(self, servers, daemon, *words, columns=80, lines=30, **environment):
        self.socket = servers.dir / f"tmux-{len(list(servers.dir.glob('tmux-*')))}"
        # What a user has set for his own does not count here.
        self.env = {**{k: v for k, v in os.environ.items() if k not in ("TMUX", "NO_COLOR")},
                    "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        set_here = [f"{k}={v}" for k, v in environment.items()]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(lines),
                  "env", *set_here, str(daemon.lab.build / "susmilterctl"), "--socket",
                  str(daemon.control), *words)
        self.tmux("set-option", "-g", "status", "off")
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-S", self.socket, *words], env=self.env, text=True,
                              capture_output=True, timeout=20).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")

    def resize(self, columns, lines=30):
        self.tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def screen(self, *words):
        return self.tmux("capture-pane", "-p", *words).rstrip("\n").split("\n")


def tables(checks, label, screen, columns):
    """Every row of both tables is there to its last column, below its head."""
    checks.true(f"{label}: no line is wider", max(map(len, screen)) <= columns, screen)
    for head, last in (("FAMILY", "ALL"), ("CLIENT", "/s")):
        at = [i for i, l in enumerate(screen) if l.startswith(head)]
        checks.true(f"{label}: {head}", len(at) == 1 and screen[at[0]].endswith(" " + last), screen)
        if len(at) != 1:
            continue
        rows = []
        for line in screen[at[0] + 1:]:
            if not line or line.startswith("and "):
                break
            rows.append(line)
        checks.true(f"{label}: rows of {head}", rows and all(
            re.search(r" \d+$", r) and len(r) == len(screen[at[0]]) for r in rows), screen)


def widths(checks, servers, daemon):
    with Tmux(servers, daemon, "top", "--window=10", columns=60) as t:
        for columns in (60, 61, 65, 70, 73, 79, 80, 81, 90, 100, 119, 120, 132, 160, 199, 200, 250):
            t.resize(columns)
            drawn = lambda: any(l.startswith("CLIENT") for l in t.screen()) and t.screen()
            lab.wait_for(drawn, PAGE_SECONDS, "a page")
            time.sleep(2.2)  # the page under way may be of the old width
            tables(checks, f"tmux, {columns} columns", t.screen(), columns)
        head = t.screen()[0]
        checks.true("a window of 10 s", re.search(r"  last (9|10|11) s  ", head), head)
    with Tmux(servers, daemon, "top", "--sort", "name", columns=100) as t:
        lab.wait_for(lambda: "CLIENT" in "\n".join(t.screen()), PAGE_SECONDS, "a page")
        rules = [l.split()[1] for l in t.screen() if l.startswith(("susranges", "blocks"))]
        checks.same("sorted by name", rules, sorted(rules))


def samples(checks, daemon):
    start = time.monotonic()
    one = json.loads(daemon.ctl("top", "--json", "--window", "3", check=True).stdout)
    checks.true("top --json", 2.9 < one["seconds"] < 10 and one["mode"] == "enforce"
                and time.monotonic() - start > 2.9, one)
    rates = {r["rule"]: r["rate"] for r in one["rules"]}
    checks.true("rates of three seconds", 0 < rates["dialup"] < 1000 and one["clients"], one)
    for argv in (("--sort", "x"), ("--window", "0")):
        checks.same(f"top {argv}", daemon.ctl("top", "--once", *argv).returncode, 2)


# ---- tail -----------------------------------------------------------------------------------------


def filters(checks, daemon):
    lines = daemon.ctl("tail", "--count", "3", check=True).stdout.splitlines()
    checks.same("tail: three", len(lines), 3)
    checks.true("tail: for people", all(re.match(
        r"\d\d:\d\d:\d\dZ (accept|reject|would_reject) client=\S+ ", l) for l in lines), lines)
    for label, argv, key, good in (
            ("rule", ("--rule", "dialup"), "rule", lambda v: v == "dialup"),
            ("client", ("--client", "198.51.101.0/28"), "client",
             lambda v: v.startswith("198.51.101.")),
            ("recipient", ("--recipient", "@example.net"), "recipient",
             lambda v: v.endswith("@example.net")),
            ("action", ("--action", "would_reject"), "action", lambda v: v == "would_reject")):
        out = daemon.ctl("tail", "--json", "--count", "3", *argv, check=True).stdout
        checks.true(f"tail by {label}", len(out.splitlines()) == 3 and all(
            good(json.loads(l)[key]) for l in out.splitlines()), out)
    out = daemon.ctl("tail", "--json", "--count", "2", "--action", "reject", "--rule", "hosting",
                     "--client", "2001:db8:66::/48", check=True).stdout
    checks.true("tail by all of them", all(json.loads(l)["client"].startswith("2001:db8:66:")
                                           for l in out.splitlines()), out)
    for argv, why in ((("--count", "0"), "must be at least 1"), (("--client", "x"), "--client x"),
                      (("--action", "refuse"), "--action"), (("--rule", "dailup"), "no rule")):
        done = daemon.ctl("tail", *argv)
        checks.true(f"tail {argv}", done.returncode == 2 and why in done.stderr, done)


def past(checks, servers):
    """What was before comes first; colours are for terminals that want them."""
    history = servers.dir / "tail-history"
    conf = traffic.CONF.replace('spf = { fail = "reject"; };', 'spf = { fail = "off"; };').replace(
        'dmarc = { default = "reject"; };', "")
    daemon = servers.daemon(conf + f'history = {{ directory = "{history}"; min_free = 0; }};\n',
                            traffic.LISTS, name="past")
    talk = lambda client: traffic.Talk("127.0.0.1", daemon.port)

    def decide(client):
        with talk(client) as t:
            t.connect(f"[{client}]", client)
            t.helo("h.example")
            t.mail("a@s.example")
            t.rcpt("b@example.org")
    for i in range(15):
        decide(f"198.51.101.{i}")
    time.sleep(0.01)  # the history has milliseconds, and refused and accepted mail apart
    decide("203.0.113.1")

    def tail(*words, seconds=1.5):
        with subprocess.Popen([daemon.lab.build / "susmilterctl", "--socket", daemon.control,
                               "tail", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as p:
            time.sleep(seconds)
            p.terminate()
            return p.stdout.read().splitlines()
    lines = tail()
    checks.same("tail: the last ten", [re.search(r"client=(\S+)", l)[1] for l in lines],
                [f"198.51.101.{i}" for i in range(6, 15)] + ["203.0.113.1"])
    checks.true("tail: no colours in a pipe", not any("\033" in l for l in lines), lines)
    checks.same("tail --last 3", len(tail("--last", "3")), 3)
    checks.same("tail --last 0", tail("--last", "0"), [])
    checks.same("tail --since", len(tail("--since", "5m")), 16)
    checks.same("tail --last with a filter", [re.search(r"client=(\S+)", l)[1] for l in tail(
        "--last=2", "--action=reject", "--client=198.51.101.0/30")], ["198.51.101.2", "198.51.101.3"])
    checks.same("tail --json: none by itself", tail("--json"), [])
    both = tail("--json", "--last", "2")
    checks.same("tail --json --last", [json.loads(l)["client"] for l in both],
                ["198.51.101.14", "203.0.113.1"])
    with subprocess.Popen([daemon.lab.build / "susmilterctl", "--socket", daemon.control, "tail",
                           "--last", "16", "--count", "5", "--json"], stdout=subprocess.PIPE,
                          text=True) as p:
        for i in range(5):
            time.sleep(0.3)
            decide(f"198.51.100.{i}")
        seen = [json.loads(l)["id"] for l in p.stdout.read().splitlines()]
    checks.same("tail: then what follows, each once", (len(seen), len(set(seen))), (21, 21))
    for argv in (("--last", "x"), ("--last", "99999"), ("--since", "soon")):
        checks.true(f"tail {argv}", daemon.ctl("tail", *argv, "--count=1").returncode != 0)
    with Tmux(servers, daemon, "tail", columns=200) as t:
        lab.wait_for(lambda: any("reject" in l for l in t.screen()), PAGE_SECONDS, "a line")
        seen = "\n".join(t.screen("-e"))
        checks.true("tail: colours on a terminal", re.search(r"\033\[31mreject", seen), seen)
    with Tmux(servers, daemon, "tail", columns=200, NO_COLOR="1") as t:
        lab.wait_for(lambda: any("reject" in l for l in t.screen()), PAGE_SECONDS, "a line")
        checks.true("tail: NO_COLOR", "\033[31m" not in "\n".join(t.screen("-e")))
    daemon.stop()


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("terminal")
    with lab.Lab(build, keep) as servers:
        dns = servers.dns(traffic.ZONE)
        daemon = servers.daemon(traffic.CONF + dns.resolver, traffic.LISTS)
        with traffic.Traffic(daemon):
            filters(checks, daemon)
            sizes(checks, daemon)
            resized(checks, daemon)
            slow(checks, daemon)
            plain(checks, daemon)
            widths(checks, servers, daemon)
            samples(checks, daemon)
            crowd(checks, daemon)
            changes(checks, daemon)
        absent(checks, daemon)
        past(checks, servers)
    sys.exit(checks.summary())


main()
