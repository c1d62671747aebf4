#!/usr/bin/python3
"""mta_test: the same sessions through a real Postfix and a real Sendmail get the same answers.

    mta_test.py BUILD_DIRECTORY [--keep]

On a network of its own (island.py), so that each session really comes from the address that the
case names.
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab"), str(HERE)]
import island  # noqa: E402
import lab  # noqa: E402
import mta_cases  # noqa: E402
from checks import Checks  # noqa: E402


def plain(reply):
    """Acceptance is worded by the MTA, refusal by us; Sendmail puts the recipient before it."""
    return "250" if reply.code == 250 else re.sub(r"^(\d{3} \S+ )<[^>]*>\.\.\. ", r"\1", reply)


def play(mta, case):
    """One answer for MAIL and each RCPT, and for the message where one is sent."""
    with mta.session(source=case.source, helo=case.helo) as s:
        if case.login:
            assert s.login(case.login).code == 235
        replies = [s.mail(case.sender)] + [s.rcpt(to) for to in case.to]
        if case.send:
            replies.append(s.data(f"From: <{case.author or 'a@walkin.example'}>\nSubject: x\n\nx\n"))
        return [plain(r) for r in replies]


def same_answers(checks, mtas):
    for case in mta_cases.CASES:
        seen = {mta: play(server, case) for mta, server in mtas.items()}
        for mta, replies in seen.items():
            checks.same(f"{case.label}, {mta}", replies, case.want)


def utf8_envelope(checks, mtas):
    """Where the MTA offers SMTPUTF8."""
    no = mta_cases.block_no("xn--bcher-kva.example", "umlaut")
    for mta, server in mtas.items():
        with server.session(source=mta_cases.GOOD) as s:
            if not s.smtp.has_extn("smtputf8"):
                print(f"mta: {mta} offers no SMTPUTF8, left out there")
                continue
            s.smtp.command_encoding = "utf-8"
            s.mail("jürgen@bücher.example", " SMTPUTF8")
            checks.same(f"UTF-8 sender, {mta}", plain(s.rcpt(mta_cases.NET)), no)


def one_connection(checks, mtas):
    """Several transactions on one connection, with RSET, aborts, and a second HELO."""
    for mta, server in mtas.items():
        with server.session(source=mta_cases.GOOD, helo="ylmf-pc") as s:
            s.mail(mta_cases.WALKIN)
            checks.same(f"first HELO, {mta}", plain(s.rcpt(mta_cases.NET)),
                        mta_cases.block_no("ylmf-pc", "bots"))
            s.command("RSET")
            s.ehlo("client.example")
            s.mail(mta_cases.WALKIN)
            checks.same(f"second HELO, {mta}", plain(s.rcpt(mta_cases.NET)), "250")
            s.command("RSET")
            s.mail("x@cash.monster")
            checks.same(f"second transaction, {mta}", plain(s.rcpt(mta_cases.NET)),
                        mta_cases.block_no("cash.monster", "monster"))


def records(checks, daemon):
    """Every refusal is on record with its rule, client and names."""
    refused = [r for r in daemon.records() if r["action"] == "reject"]
    checks.true("refusals name their family", all("family" in r for r in refused))
    named = [r for r in refused if r.get("rule") == "dialup" and r["client"] == mta_cases.DIALUP]
    checks.true("verified client names are on record",
                named and all(r["client_name"] == "pool7.dialup.example" for r in named))
    logins = {r.get("auth", "").split("@")[0] for r in daemon.records()} - {""}
    checks.same("logins are on record", logins, {"alice", "bob"})


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("mta_test", mta_cases.ADDRESSES, mta_cases.NAMES)
    checks = Checks("mta")
    listen = ("127.0.0.1", "::1")
    with lab.Lab(build, keep) as servers:
        dns = servers.dns(mta_cases.ZONE)
        daemon = servers.daemon(dns.resolver + mta_cases.RULES,
                                {"undeliverable": mta_cases.UNDELIVERABLE})
        mtas = {"Postfix": servers.postfix(daemon, listen=listen),
                "Sendmail": servers.sendmail(daemon, listen=listen)}
        same_answers(checks, mtas)
        utf8_envelope(checks, mtas)
        one_connection(checks, mtas)
        records(checks, daemon)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
