#!/usr/bin/python3
"""bounce_test: from a bounce to a live whitelist entry: two commands, and the next mail comes in.

    bounce_test.py BUILD_DIRECTORY [--keep]

A provider's Postfix delivers to ours from a range that is refused, with all published ranges
loaded; the token comes from the text that the provider's customer gets back.
"""
import os
import pathlib
import re
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
import ranges  # noqa: E402
from checks import Checks  # noqa: E402

DIALUP = "198.51.100.7"
CUSTOMER, US = "anna@mbox.test", "bob@example.org"
ROUNDS = 3
# What the project promises, from reading the bounce to the acceptance of the next mail.
SECONDS_MAX = 1.0

RULES = """
trusted_networks = [ ];
managed_whitelist = "managed";
help_url = "https://help.example.org/refused?id=";
spf = { fail = "off"; };
susranges = ( { name = "ranges"; networks = [ "file:ranges.cidr" ]; },
              { name = "dialup"; networks = [ "198.51.100.0/24" ]; } );
"""


def bounce(provider):
    """What the customer reads when the provider could not deliver."""
    with provider.session() as s:
        assert s.mail(CUSTOMER).code == 250
        assert s.rcpt(US).code == 250
        assert s.data(f"From: <{CUSTOMER}>\nTo: <{US}>\nSubject: Hello\n\nHello\n").code == 250
    return provider.mailbox("anna", seconds=30)[-1]


def let_in(daemon, server, token):
    """Both commands and the next mail: what they say, and the seconds that all took."""
    start = time.monotonic()
    told = daemon.ctl("explain", "--decision", token)
    added = daemon.ctl("whitelist", "add", "--from", token, "--for", "30d")
    with server.session(source=DIALUP) as s:
        s.mail(CUSTOMER)
        reply = s.rcpt(US)
    return told, added, reply, time.monotonic() - start


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("bounce_test", [DIALUP], {})
    checks = Checks("bounce")
    shared = lab.TOP / os.environ.get("SHARED", "../shared")
    networks = ranges.published(shared / "data/lists/ranges-2025-10.txt")
    with lab.Lab(build, keep) as servers:
        daemon = servers.daemon(RULES, {"ranges.cidr": "\n".join(networks) + "\n"})
        server = servers.postfix(daemon)
        provider = servers.postfix(None, name="provider", smtp_bind_address=DIALUP,
                                   relay_transport=f"smtp:[127.0.0.1]:{server.port}")
        text = bounce(provider)
        checks.true("the bounce tells why", "550 5.7.1" in text and "(198.51.100.0/24, dialup)" in
                    re.sub(r"\s+", " ", text), text)
        found = re.search(r"refused\?id=([a-z2-7]{16})", re.sub(r"\n\s+", "", text))
        if not checks.true("the bounce has the token", found, text):
            sys.exit(checks.summary())
        took = []
        for _ in range(ROUNDS):
            told, added, reply, seconds = let_in(daemon, server, found[1])
            took.append(seconds)
            checks.true("explain tells client, rule and remedy", told.returncode == 0
                        and all(w in told.stdout for w in (
                            DIALUP, 'rule "dialup" is at', "susmilter.conf:",
                            f"whitelist add --from {found[1]}")), told)
            checks.true("the entry is live", added.returncode == 0
                        and "is live" in added.stdout, added)
            checks.same("the next mail is accepted", reply.code, 250)
            daemon.ctl("whitelist", "remove", DIALUP, check=True)
            with server.session(source=DIALUP) as s:
                s.mail(CUSTOMER)
                checks.same("and without the entry it is not", s.rcpt(US).code, 550)
        print(f"bounce: {len(networks):,} ranges loaded; two commands and the next mail took "
              + ", ".join(f"{s:.2f}" for s in took) + " s")
        checks.true("within a second",
                    statistics.median(took) < SECONDS_MAX * lab.slowness(build), took)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
