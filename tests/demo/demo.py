#!/usr/bin/python3
"""demo: real SMTP sessions through a private Postfix with susmilter behind it.

    demo.py BUILD_DIRECTORY

Everything runs on loopback in one scratch folder: Postfix, a DNS server with a zone of its own,
susmilter with the rules of demo.conf.  XCLIENT lets each session come from the address that it
tells.  At the end nothing is left running and nothing lies around; exit 1 when a session was not
answered as it should be.
"""
import os
import pathlib
import signal
import subprocess
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))
import lab  # noqa: E402

WIDTH = 96
# A demo that hangs is ended, servers and all.
SECONDS_MAX = 90

# walkin.example publishes nothing.
ZONE = """
sender.example    TXT "v=spf1 ip4:203.0.113.0/24 ip6:2001:db8:1::/48 -all"
shop.example      TXT "v=spf1 ip4:203.0.113.25 -all"
bank.example      TXT "v=spf1 ip4:203.0.113.99 -all"
_dmarc.bank.example TXT "v=DMARC1; p=reject"
"""

LISTS = {
    "dialup.cidr": "# dial-up lines: their mail goes through their provider\n198.51.100.0/24\n",
    "helo.names": "; what only bots say\nylmf-pc\nlocalhost.localdomain\n",
}

# AS number and country of networks, for a small database made on the spot.
GEO = "192.0.2.0/24 64500 CN\n203.0.113.0/24 64501 DE\n2001:db8:1::/48 64501 DE\n"


class Play:
    """One session: who comes, what is tried, and what must follow."""

    def __init__(self, what, client, want, rule="-", helo="mx.sender.example",
                 sender="ann@sender.example", to=("bob@example.org",), author=None, login=None):
        self.what, self.client, self.want, self.rule = what, client, want, rule
        self.helo, self.sender, self.to = helo, sender, to
        self.author, self.login = author, login


WALKIN = "joe@walkin.example"
GOOD, DIALUP, CHINA, STRAY = "203.0.113.25", "198.51.100.7", "192.0.2.77", "203.0.114.9"

PLAYS = (
    Play("ordinary mail, SPF passes", GOOD, "250"),
    Play("ordinary mail over IPv6", "2001:db8:1::25", "250"),
    Play("bot on a dial-up line", DIALUP, "550", "susranges/dialup",
         sender=WALKIN),
    Play("the same host writes to postmaster@", DIALUP, "250", sender=WALKIN,
         to=("postmaster@example.org",)),
    Play("the same host, authenticated as alice", DIALUP, "250", sender=WALKIN, login="alice"),
    Play("the same host to a domain with susranges off", DIALUP, "250", sender=WALKIN,
         to=("eve@open.example",)),
    Play("whitelisted neighbour of that bot", "198.51.100.25", "250", sender=WALKIN),
    Play("host in a country that must authenticate", CHINA, "550", "susranges/china",
         sender=WALKIN),
    Play("envelope sender below .monster", GOOD, "550", "blocks/monster",
         sender="win@cash.monster"),
    Play("sender good.monster, which the rule exempts", GOOD, "250", sender="ann@good.monster"),
    Play("HELO name of a well-known bot", GOOD, "550", "blocks/bots", helo="ylmf-pc"),
    Play(".monster only in the From header", GOOD, "550", "blocks/monster",
         author="prize@lucky.monster"),
    Play("SPF fail for the envelope sender", STRAY, "550", "spf",
         sender="sales@shop.example"),
    Play("forged From, recipient's domain has DMARC on", GOOD, "550", "dmarc",
         author="alert@bank.example"),
    Play("the same to a domain without DMARC", GOOD, "250", author="alert@bank.example",
         to=("dan@example.net",)),
    Play("the same to both recipients: to be split", GOOD, "451", "limits",
         author="alert@bank.example", to=("bob@example.org", "dan@example.net")),
    Play("… tried again: the first recipient now", GOOD, "550", "dmarc",
         author="alert@bank.example", to=("bob@example.org", "dan@example.net")),
    Play("… and the other recipient", GOOD, "250", author="alert@bank.example", to=("dan@example.net",)),
)


class Table:
    """Lines for people: colours only on a terminal."""

    COLOURS = {"250": "32", "451": "33", "452": "33", "550": "31"}

    def __init__(self):
        self.colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.wrong = 0

    def paint(self, colour, text):
        return f"\033[{colour}m{text}\033[0m" if self.colours else text

    def title(self, text):
        print("\n" + self.paint("1", text))

    def head(self):
        print(self.paint("2", f" {'#':>2}  {'client':<15} {'what was tried':<46} "
                              f"{'verdict':<9} rule"))
        print(self.paint("2", "─" * WIDTH))

    def row(self, number, play, replies, rule):
        """One session: its verdict is the last reply, others are told too."""
        code = replies[-1][:3]
        verdict = {"2": "accepted", "4": "deferred", "5": "refused"}[code[0]]
        right = code == play.want and rule == play.rule
        self.wrong += not right
        print(f" {number:>2}  {play.client:<15} {play.what:<46} "
              + self.paint(self.COLOURS.get(code, "0"), f"{verdict:<9}") + f" {rule}")
        for reply in replies:
            self.said(reply)
        if not right:
            print(self.paint("31;1", f"     wrong: wanted {play.want} by {play.rule}"))

    def said(self, reply):
        for line in textwrap.wrap(reply, WIDTH - 6):
            print("     " + self.paint("2", line))


def record_of(daemon, reply):
    """The record of a refusal, by the token at the end of the reply."""
    token = reply.rsplit("/", 1)[-1]

    def found():
        return [r for r in daemon.records() if r.get("id") == token]
    lab.wait_for(found, 5, f"the record of {token}")
    return found()[0]


def rule_of(record):
    """susranges/dialup; what stands in no section has the family's name only."""
    return "/".join(record[k] for k in ("family", "rule") if record.get(k))


def run(play, postfix, daemon):
    """Plays one session; the replies that matter, and the record of a refusal."""
    with postfix.session(play.client, helo=play.helo) as s:
        if play.login:
            s.login(play.login)
        replies = [s.mail(play.sender)]
        replies += [s.rcpt(to) for to in play.to]
        later = [r for r in replies if r.code == 452]
        if replies[1].code == 250:
            author = play.author or play.sender
            replies.append(s.data(f"From: <{author}>\nTo: <{play.to[0]}>\nSubject: demo\n\nHello\n"))
    record = record_of(daemon, replies[-1]) if replies[-1].code != 250 else None
    return later + replies[-1:], record


def sessions(table, postfix, daemon):
    table.title("Mail as its senders saw it")
    table.head()
    refused = None
    for number, play in enumerate(PLAYS, 1):
        replies, record = run(play, postfix, daemon)
        table.row(number, play, replies, rule_of(record) if record else "-")
        if play.rule == "susranges/dialup":
            refused = record
    return refused


def command(table, daemon, *words):
    print(table.paint("1", "$ susmilterctl " + " ".join(words)))
    done = daemon.ctl(*words)
    for line in (done.stdout + done.stderr).rstrip("\n").splitlines():
        for part in textwrap.wrap(line, WIDTH - 2, subsequent_indent="      ") or [""]:
            print("  " + part)
    if done.returncode != 0:
        table.wrong += 1
        print(table.paint("31;1", f"  wrong: exit status {done.returncode}"))
    return done


def live(table, postfix, daemon, refused):
    table.title("Why was the bot refused?")
    command(table, daemon, "explain", "--decision", refused["id"])
    table.title("It was a new customer, not a bot: whitelisted while mail flows")
    command(table, daemon, "whitelist", "add", DIALUP, "--for", "7d", "--owner", "demo")
    command(table, daemon, "status")
    print()
    table.head()
    play = Play("the host that was refused as number 3", DIALUP, "250", sender=WALKIN)
    replies, record = run(play, postfix, daemon)
    table.row(len(PLAYS) + 1, play, replies, rule_of(record) if record else "-")


def geo_database(path):
    subprocess.run(["perl", HERE.parent / "fake/mmdb.pl", path, "country"], input=GEO, text=True,
                   check=True)


def play_all(build):
    table = Table()
    with lab.Lab(build) as servers:
        database = servers.dir / "country.mmdb"
        geo_database(database)
        dns = servers.dns(ZONE)
        conf = (HERE / "demo.conf").read_text().replace("@GEO@", str(database))
        daemon = servers.daemon(dns.resolver + conf, LISTS)
        postfix = servers.postfix(daemon)
        print(f"susmilter behind a private Postfix on 127.0.0.1:{postfix.port}, with the rules of "
              "tests/demo/demo.conf.\nXCLIENT sets the client address of each session.")
        refused = sessions(table, postfix, daemon)
        live(table, postfix, daemon, refused)
    sent = len(PLAYS) + 1
    print()
    if table.wrong:
        print(table.paint("31;1", f"{table.wrong} answers were not as they should be."))
    else:
        print(table.paint("32", f"{sent} sessions, each answered as it should be; "
                                "nothing is left running."))
    return 1 if table.wrong else 0


def too_long(*_):
    raise TimeoutError(f"the demo did not end within {SECONDS_MAX} seconds")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: demo.py BUILD_DIRECTORY")
    lab.become_root("The demo starts a private Postfix")
    signal.signal(signal.SIGALRM, too_long)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.alarm(SECONDS_MAX)
    try:
        sys.exit(play_all(sys.argv[1]))
    except (OSError, RuntimeError) as e:
        sys.exit(f"demo: {e}")


main()
