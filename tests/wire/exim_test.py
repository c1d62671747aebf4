#!/usr/bin/python3
"""exim_test: Exim, which has no milter, asks through contrib/exim and answers as Postfix does.

    exim_test.py BUILD_DIRECTORY [--keep]

EXIM_SESSIONS=5000 compares more of them with the milter.

On a network of its own (island.py): the sessions of mta_cases.py from the addresses that they name,
up to the last recipient.
"""
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab"), str(HERE)]
import island  # noqa: E402
import lab  # noqa: E402
import mta_cases  # noqa: E402
from checks import Checks  # noqa: E402
from exim import Exim  # noqa: E402
from miltertalk import Talk  # noqa: E402

DMARC_OFF = mta_cases.RULES.replace('dmarc = "reject"', 'dmarc = "off"')
# How Exim words what it takes no address for.
SYNTAX = ("501 ", "553 ")


def plain(reply):
    """Exim folds what is long, with the codes again on each line."""
    text = re.sub(r"(?<=.{9}) \d\.\d\.\d (?=\S)", " ", reply)
    return "250" if reply.code == 250 else text


def name_exims_clients(servers):
    """Exim confirms a client's name in the DNS, on port 53 of whom resolv.conf names."""
    zone = servers.dir / "clients.zone"
    zone.write_text("".join(f"{name} {'AAAA' if ':' in address else 'A'} {address}\n"
                            for address, name in mta_cases.NAMES.items()))
    island.cover("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    server = servers.process(["/usr/bin/python3", HERE.parent / "fake/dnsserver.py", "--port", "53",
                              zone], stdout=subprocess.PIPE, text=True)
    server.process.stdout.readline()


def play(exim, case):
    with exim.session(source=case.source, helo=case.helo) as s:
        if case.login:
            assert s.login(case.login).code == 235
        replies = [s.mail(case.sender)]
        return [plain(r) for r in replies + [s.rcpt(to) for to in case.to]]


def same_answers(checks, exim):
    refused = 0
    for case in mta_cases.CASES:
        seen = play(exim, case)
        want = case.want[:1 + len(case.to)]
        if any(r.startswith(SYNTAX) for r in seen):
            print(f"exim: {case.label}: Exim takes no such address")
            continue
        refused += any(w != "250" for w in want)
        checks.same(f"{case.label}, Exim", seen, want)
    checks.true("some of them are refusals", refused > 10, refused)


def same_as_milter(checks, daemon, exim, count):
    """Sessions made up by chance get from Exim what the milter says of them."""
    r = random.Random(7)
    helos = ["client.example", "ylmf-pc", "12345678", "a.b.monster", "h" * 60 + ".example"]
    senders = ["", mta_cases.WALKIN, "x@cash.monster", "X@Cash.MONSTER", "x@good.monster",
               "x@gmail.example", "x@sender.example", "x@soft.example", "x@bank.example",
               '"a b"@cash.monster', '"a\\"b"@cash.monster', "x@broken.example", "x@qq.com"]
    tos = [mta_cases.ORG, mta_cases.NET, mta_cases.COM, mta_cases.OPEN, "gone@example.org",
           "Gone@Example.ORG", "postmaster@example.net", '"gone"@example.org']
    differ, refused = [], 0
    for _ in range(count):
        source, helo = r.choice(mta_cases.ADDRESSES), r.choice(helos)
        sender, to = r.choice(senders), r.choice(tos)
        with exim.session(source=source, helo=helo) as s:
            mail = s.mail(sender)
            assert mail.code == 250, mail
            seen = plain(s.rcpt(to))
        with Talk("127.0.0.1", daemon.port) as t:
            t.connect(mta_cases.NAMES.get(source, "unknown"), source)
            t.helo(helo)
            said = t.mail(sender)
            said = t.rcpt(to) if said == "c" else said
        want = "250" if said in ("c", "a") else said[1:].replace("%%", "%")
        refused += want != "250"
        if seen != want:
            differ.append((source, helo, sender, to, seen, want))
    checks.true(f"Exim answers {count} sessions as the milter does", not differ, differ[:3])
    checks.true("some of these are refusals", refused > count // 10, refused)


def records(checks, daemon):
    """As the milter's, with their door."""
    time.sleep(0.2)
    seen = daemon.records()
    seen = [r for r in seen if "door" in r]
    checks.true("each is on record with its door", seen and
                all(r["door"] == "policy" for r in seen), seen[:1])
    checks.true("verified client names are on record", any(
        r["client"] == mta_cases.DIALUP and r.get("client_name") == "pool7.dialup.example"
        for r in seen), seen[:1])
    checks.true("logins are on record", any(r.get("auth") == "alice" for r in seen))


def failures(checks, servers):
    """Nobody answers, and somebody answers too late: the ACL's own failure string."""
    nobody = servers.dir / "nobody.sock"
    exim = servers.exim(nobody, name="exim-nobody")
    with exim.session(source=mta_cases.DIALUP) as s:
        s.mail(mta_cases.WALKIN)
        checks.same("without susmilter the recipient passes", plain(s.rcpt(mta_cases.NET)), "250")
    exim = servers.exim(nobody, name="exim-defer", failure="action=451 4.3.0 Try again later")
    with exim.session(source=mta_cases.DIALUP) as s:
        s.mail(mta_cases.WALKIN)
        checks.same("or is to come again, where the ACL says so", plain(s.rcpt(mta_cases.NET)),
                    "451 4.3.0 Try again later")
    with socket.socket(socket.AF_UNIX) as silent:
        path = servers.dir / "silent.sock"
        silent.bind(str(path))
        path.chmod(0o666)
        silent.listen()
        heard = []

        def listen():
            held, _ = silent.accept()
            heard.append(held)
            while part := held.recv(65536):
                heard.append(part)
        threading.Thread(target=listen, daemon=True).start()
        exim = servers.exim(path, name="exim-silent", wait="2s")
        with exim.session(source=mta_cases.DIALUP) as s:
            s.mail(mta_cases.WALKIN)
            began = time.monotonic()
            checks.same("a silent susmilter is waited for", plain(s.rcpt(mta_cases.NET)), "250")
            took = time.monotonic() - began
            checks.true("as long as the ACL says", 1.5 < took < 10, took)
        asked = b"".join(heard[1:]).decode()
        checks.true("the request is whole, a line an attribute", asked.endswith("\n\n") and all(
            "=" in line for line in asked.rstrip("\n").split("\n")), asked)
        checks.true("it tells client and recipient", f"client_address={mta_cases.DIALUP}\n" in asked
                    and f"recipient={mta_cases.NET}\n" in asked, asked)


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("exim_test", mta_cases.ADDRESSES, mta_cases.NAMES)
    checks = Checks("exim")
    with lab.Lab(build, keep) as servers:
        dns = servers.dns(mta_cases.ZONE)
        name_exims_clients(servers)
        path = servers.dir / "policy.sock"
        daemon = servers.daemon(
            f'{dns.resolver}policy = {{ socket = "unix:{path}"; socket_group = "{Exim.USER}"; }};\n'
            + DMARC_OFF, {"undeliverable": mta_cases.UNDELIVERABLE})
        exim = servers.exim(path, listen=("127.0.0.1", "::1"))
        same_answers(checks, exim)
        same_as_milter(checks, daemon, exim, int(os.environ.get("EXIM_SESSIONS", "100")))
        records(checks, daemon)
        failures(checks, servers)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
        checks.true("Exim finds nothing wrong with the ACL", "failed to expand" not in exim.log()
                    and "misuse" not in exim.log(), exim.log())
    sys.exit(checks.summary())


main()
