#!/usr/bin/python3
"""memory_test: each allocation of a message, a reload and the commands fails once.

    memory_test.py BUILD_DIRECTORY [--full] [--only NAME] [--keep]

The daemon runs with tests/lab/failmalloc preloaded, whose state it shares with the process that
parses configurations.  For n from 1 until nothing fails any more, the n-th allocation fails, in
whatever thread, process or library it is made; the answer must be the right one, or an honest
failure; the worker must live, and the next one must be right again.  In the short form, as `make
check` runs it, n goes in steps.
"""
import itertools
import json
import mmap
import os
import pathlib
import struct
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

CLIENT, FOREIGN, DIALUP = "203.0.113.25", "203.0.113.99", "198.51.100.7"
# Domains of their own for each try, since answers of the DNS are kept.
DOMAINS = 4000
# Steps of the short form, and how long one loop of it may take.
STEP, SHORT_SECONDS = 7, 0.7

# libunbound 1.17 does not survive its own failures: it crashes in its thread, or answers no question
# any more until it is started anew.
EXCEPT = "libunbound libevent"

CONF = """
trusted_networks = [ ];
exempt_recipients = [ "postmaster@" ];
susranges = ( { name = "dialup"; networks = [ "file:lists/dialup", "192.0.2.0/24" ]; } );
blocks = (
  { name = "monster"; domains = [ ".monster", "müller.test" ]; },
  { name = "generic"; client_name = [ "/dyn[0-9]+\\\\..*/", "/pool-[0-9-]+/" ]; },
  { name = "person"; sender = [ "müller@blocked.test" ]; }
);
whitelist = ( { name = "partner"; networks = [ "198.51.100.77" ]; } );
managed_whitelist = "lists/managed";
spf = { fail = "reject"; };
dmarc = { default = "reject"; };
domains = ( { name = "example.net"; susranges = "on"; } );
"""
LISTS = {"lists/dialup": "198.51.100.0/25\n198.51.100.128/25\n", "lists/managed": "192.0.2.9\n"}

RANGE = "550 5.7.1 Unauthenticated mail not allowed from this range"


class Failing:
    """The state that tests/lab/failmalloc.h describes."""

    LAYOUT = struct.Struct("lll232s")

    def __init__(self, path):
        path.write_bytes(bytes(self.LAYOUT.size))
        self.path = path
        with open(path, "r+b") as file:
            self.state = mmap.mmap(file.fileno(), self.LAYOUT.size)

    def arm(self, n):
        self.before = self.LAYOUT.unpack(self.state[:])[1]
        self.state[:8] = struct.pack("l", n)

    def disarm(self):
        """Whether one has failed since."""
        self.state[:8] = struct.pack("l", 0)
        return self.LAYOUT.unpack(self.state[:])[1] > self.before

    @property
    def caller(self):
        return self.LAYOUT.unpack(self.state[:])[3].split(b"\0")[0].decode()


class Loop:
    """n = 1, …: `attempt(serial)` without its n-th allocation, then once more with all."""

    def __init__(self, checks, failing, full, only):
        self.checks, self.failing, self.full, self.only = checks, failing, full, only
        self.serial = itertools.count()

    def run(self, name, attempt, judge, after):
        if self.only in (None, name):
            self.loop(name, attempt, judge, after)

    def loop(self, name, attempt, judge, after):
        """judge(seen): "" when the answer of attempt() will do, or what is wrong with it."""
        n, tries, outcomes = 1 if self.full else 2, 0, {}  # the first one is the listener's: a second
        begun = time.monotonic()
        while True:
            self.failing.arm(n)
            seen = attempt(next(self.serial))
            more = self.failing.disarm()
            wrong = judge(seen)
            tries += 1
            outcomes[shown(seen)] = outcomes.get(shown(seen), 0) + 1
            self.checks.true(f"{name} without allocation {n} ({self.failing.caller})", not wrong,
                             f"{wrong}: {seen}")
            wrong = after()
            self.checks.true(f"after {name} without allocation {n} ({self.failing.caller})",
                             not wrong, wrong)
            if not more or self.checks.failures > 40:
                break
            n += 1 if self.full else STEP
            if not self.full and time.monotonic() > begun + SHORT_SECONDS:
                n += STEP * 6
        seconds = time.monotonic() - begun
        print(f"memory: {name}: {tries} tries up to allocation {n}, {seconds:.1f} s: " +
              ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items())))


def shown(seen):
    """An answer as one of a few words."""
    if isinstance(seen, subprocess.CompletedProcess):
        return f"exit {seen.returncode}"
    return seen[:4] if seen[:1] == "y" else seen


# ---- messages ------------------------------------------------------------------------------------


def sign(key, domain, header, body):
    message = header + "\r\n" + body
    field = subprocess.run(
        [sys.executable, HERE.parent / "fake/dkimpy_sign.py", key, "s", domain, "-",
         "relaxed/relaxed", "rsa-sha256", "-1", "from:subject"],
        input=message.encode(), capture_output=True, check=True).stdout.decode()
    return field


def converse(daemon, client, name, helo, sender, recipient, fields, body):
    """The answer that ends the message, or "closed"."""
    try:
        with Talk("127.0.0.1", daemon.port) as t:
            steps = [lambda: t.connect(name, client), lambda: t.helo(helo), lambda: t.mail(sender),
                     lambda: t.rcpt(recipient),
                     *(lambda f=f: t.header(*f) for f in fields), t.end_of_headers,
                     lambda: t.body(body)]
            for step in steps:
                answer = step()
                if answer not in ("c", "s", None):
                    return answer
            return t.end()[-1]
    except ConnectionError:
        return "closed"
    except TimeoutError:
        return "no answer"


def is_put_off(seen):
    return seen[:2] == "y4" or seen == "t"


def message_judge(right, failing):
    """Right is an answer or its beginning.  A connection that is closed is a temporary failure to
    every MTA, but only libmilter may do that: where it has no memory for a packet."""
    def judge(seen):
        if seen.startswith(right) or is_put_off(seen):
            return ""
        if seen == "r" and right.startswith("y5") and "libmilter" in failing.caller:
            return ""  # refused, but there was no memory for our text
        if seen == "closed" and "libmilter" in failing.caller:
            return ""
        if seen == "no answer" and "ld-linux" in failing.caller:
            return ""  # libmilter could not create a thread
        return f"wanted {right}"
    return judge


def zone(record):
    lines = []
    for i in range(DOMAINS):
        lines += [f'f{i}.test TXT "v=spf1 a:x.f{i}.test include:i.f{i}.test -all"',
                  f"x.f{i}.test A 192.0.2.1",
                  f'i.f{i}.test TXT "v=spf1 mx ip4:192.0.2.7 -all"', f"i.f{i}.test MX 1 x.f{i}.test",
                  f'p{i}.test TXT "v=spf1 include:i.p{i}.test -all"',
                  f'i.p{i}.test TXT "v=spf1 ip4:{CLIENT} -all"',
                  f'_dmarc.p{i}.test TXT "v=DMARC1; p=reject"',
                  f's._domainkey.p{i}.test TXT "{record}"']
    return "\n".join(lines) + "\n"


class Messages:
    def __init__(self, loop, daemon, key):
        self.loop, self.daemon, self.key = loop, daemon, key
        self.worker = daemon.worker()

    def alive(self):
        """"" when the worker is the same and judges as ever."""
        worker = self.daemon.worker()
        if worker != self.worker:
            was, self.worker = self.worker, worker
            return f"worker {was} is gone: {self.daemon.said()[-400:]}"
        answer = converse(self.daemon, DIALUP, "unknown", "h.test", "a@good.test",
                          "b@example.net", [], b"")
        return "" if answer.startswith("y" + RANGE) else f"then the answer was {answer}"

    def send(self, right, *words):
        return right, lambda serial: converse(
            self.daemon, *(w.format(serial % DOMAINS) for w in words), [], b"x\r\n")

    def signed(self, serial, author, subject):
        i = serial % DOMAINS
        header = f"From: A <a@{author.format(i)}>\r\nSubject: x\r\n"
        field = sign(self.key, f"p{i}.test", header, "Hello\r\n")
        name, value = field.rstrip("\r\n").split(":", 1)
        return [(name, value.replace("\r\n", "\n")), ("From", f" A <a@{author.format(i)}>"),
                ("Subject", " " + subject)]

    def run(self, name, right, attempt):
        self.loop.run(name, attempt, message_judge(right, self.loop.failing), self.alive)

    def run_signed(self, name, right, sender, author, subject):
        made = {}

        def attempt(serial):
            return converse(self.daemon, CLIENT, "mx.test", "mx.test",
                            sender.format(serial % DOMAINS), "b@example.net",
                            made.pop(serial), b"Hello\r\n")
        # What is signed is ready before anything fails.
        failing, arm = self.loop.failing, self.loop.failing.arm

        def arm_later(n):
            serial = next(self.loop.serial)
            made[serial] = self.signed(serial, author, subject)
            self.loop.serial = itertools.chain([serial], itertools.count(serial + 1))
            arm(n)
        failing.arm = arm_later
        self.run(name, right, attempt)
        failing.arm = arm

    def all(self):
        for name, right, *words in (
                ("range", "y" + RANGE, DIALUP, "unknown", "h.test", "a@x.test", "b@example.net"),
                ("pattern", "y550 5.7.1 Mail from", CLIENT, "dyn17.isp.test", "h.test", "a@x.test",
                 "b@example.net"),
                ("UTF-8 name", "y550 5.7.1 Mail from", CLIENT, "unknown", "h.test",
                 "a@MÜLLER.test", "b@example.net"),
                ("UTF-8 local part", "y550 5.7.1 Mail from", CLIENT, "unknown", "h.test",
                 "MU\u0308LLER@blocked.test", "b@example.net"),
                ("exempt", "c", DIALUP, "unknown", "h.test", "a@x.test",
                 "postmaster@example.net"),
                ("SPF fail", "y550 5.7.23", FOREIGN, "unknown", "h.test", "a@f{}.test",
                 "b@example.net")):
            self.run(name, *self.send(right, *words))
        self.run_signed("SPF, DKIM and DMARC pass", "c", "a@p{}.test", "p{}.test", "x")
        self.run_signed("DKIM alone passes", "c", "a@other.test", "p{}.test", "x")
        self.run_signed("DMARC fail", "y550 5.7.1 DMARC", "a@other.test", "p{}.test", "y")


# ---- commands ------------------------------------------------------------------------------------


def failed_honestly(seen):
    return seen.returncode in (1, 2) and seen.stderr.strip()


def command_judge(is_right):
    def judge(seen):
        if seen.returncode < 0:
            return "ended by a signal"
        if seen.returncode == 0:
            return "" if is_right(seen) else "exit status 0, and not the right answer"
        return "" if failed_honestly(seen) or is_right(seen) else "a failure without a sentence"
    return judge


def is_json(keys):
    def is_right(seen):
        try:
            value = json.loads(seen.stdout)
        except ValueError:
            return False
        return all(key in value for key in keys) if keys else True
    return is_right


def generation(daemon):
    return json.loads(daemon.ctl("status", "--json", check=True).stdout)["generation"]


class Commands:
    def __init__(self, loop, daemon, messages):
        self.loop, self.daemon, self.messages = loop, daemon, messages

    def run(self, name, words, is_right, before=None, after=None):
        def attempt(serial):
            return self.daemon.ctl(*(w.format(serial % 250) for w in words))
        self.loop.run(name, attempt, command_judge(is_right),
                      lambda: (after() if after else "") or self.messages.alive())

    def reload(self):
        """Exit status 0 is a new generation; else the old one goes on."""
        now = generation(self.daemon)

        def attempt(_serial):
            return self.daemon.ctl("reload")

        def judge(seen):
            nonlocal now
            was, now = now, generation(self.daemon)
            if seen.returncode == 0:
                return "" if now == was + 1 else f"generation {was} is now {now}"
            if now != was:
                return f"generation {was} is now {now}, though reload failed"
            return command_judge(lambda _: False)(seen)
        self.loop.run("reload", attempt, judge, self.messages.alive)

    def whitelist(self):
        """Exit status 0 means that the entry is in the file and live; else it is neither."""
        entry = None

        def attempt(serial):
            nonlocal entry
            entry = f"198.51.100.{serial % 64}"
            return self.daemon.ctl("whitelist", "add", entry, "--for", "1h", "--owner", "ann")

        def judge(seen):
            there = any(l.startswith(entry + " ")
                        for l in (self.daemon.dir / "lists/managed").read_text().splitlines())
            live = converse(self.daemon, entry, "unknown", "h.test", "a@none.test",
                            "b@example.net", [], b"x\r\n")
            live = not live.startswith("y" + RANGE)
            self.daemon.ctl("whitelist", "remove", entry)
            if seen.returncode == 0:
                return "" if there and live else f"in the file: {there}, live: {live}"
            if there or live:
                return f"failed, but in the file: {there}, live: {live}"
            return command_judge(lambda _: False)(seen)
        self.loop.run("whitelist add", attempt, judge, self.messages.alive)

    def all(self):
        explain = ["--client", DIALUP, "--recipient", "b@example.net", "--sender", "a@x.test"]
        self.run("status", ["status"], lambda s: "records" in s.stdout and "reports" in s.stdout)
        self.run("status --json", ["status", "--json"], is_json(["generation", "reports"]))
        self.run("stats", ["stats"], lambda s: "DECISIONS" in s.stdout)
        self.run("stats --json", ["stats", "--json"], is_json(["status", "counters"]))
        self.run("explain", ["explain", *explain], lambda s: RANGE in s.stdout)
        self.run("explain --json", ["explain", "--json", *explain],
                 lambda s: is_json(["action", "rules", "reply"])(s) and "550" in s.stdout)
        self.run("check", ["check"], lambda s: "0 errors" in s.stdout or "rules" in s.stdout)
        self.run("check --json", ["check", "--json"], is_json([]))
        self.run("whitelist list", ["whitelist", "list"], lambda s: "192.0.2.9" in s.stdout)
        self.run("whitelist list --json", ["whitelist", "list", "--json"],
                 lambda s: "192.0.2.9" in s.stdout)
        self.run("doctor", ["doctor"], lambda s: "milter" in s.stdout)
        self.reload()
        self.whitelist()


class Alone:
    """Programs that run without the daemon.  libunbound does not notice when its thread cannot be
    created, and ends the program with the wish to end that thread."""

    def __init__(self, loop, daemon, environment):
        self.loop, self.daemon, self.environment = loop, daemon, environment

    def run(self, name, program, words, is_right):
        def attempt(_serial):
            return subprocess.run([self.daemon.lab.build / program, *words], capture_output=True,
                                  text=True, env={**os.environ, **self.environment}, timeout=60,
                                  check=False)
        judge = command_judge(is_right)
        self.loop.run(name, attempt, lambda seen: "" if seen.returncode == -11 and
                      "ld-linux" in self.loop.failing.caller else judge(seen), lambda: "")

    def all(self):
        conf = str(self.daemon.conf)
        self.run("susmilter -t", "susmilter", ["-t", "-c", conf], lambda s: ": ok, " in s.stdout)
        self.run("check -c", "susmilterctl", ["-c", conf, "check"], lambda s: "rules" in s.stdout)
        self.run("explain -c", "susmilterctl",
                 ["-c", conf, "explain", "--client", DIALUP, "--recipient", "b@example.net"],
                 lambda s: RANGE in s.stdout)


def main():
    build, keep, full = sys.argv[1], "--keep" in sys.argv, "--full" in sys.argv
    only = sys.argv[sys.argv.index("--only") + 1] if "--only" in sys.argv else None
    if lab.instrumented(build):
        print("memory: an instrumented build has an allocator of its own: nothing can fail")
        return
    checks = Checks("memory")
    with lab.Lab(build, keep) as servers:
        key = servers.dir / "key.pem"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", key, "1024"], check=True,
                       capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", key, "-pubout"], check=True,
                                capture_output=True, text=True).stdout
        record = "v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])
        dns = servers.dns(zone(record))
        failing = Failing(servers.dir / "failmalloc")
        environment = {"LD_PRELOAD": str(pathlib.Path(build).resolve() / "tests/lab/failmalloc.so"),
                       "FAILMALLOC": str(failing.path), "FAILMALLOC_EXCEPT": EXCEPT}
        daemon = servers.daemon(dns.resolver.replace(" };", " timeout = 2.0; };") + CONF,
                                lists=LISTS, env=environment)
        loop = Loop(checks, failing, full, only)
        messages = Messages(loop, daemon, key)
        messages.all()
        Commands(loop, daemon, messages).all()
        Alone(loop, daemon, environment).all()
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
