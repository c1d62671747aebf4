#!/usr/bin/python3
"""mail_test: what becomes of messages: headers, hold queue, recipients that disagree, local mail.

    mail_test.py BUILD_DIRECTORY [--keep]
"""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402

GOOD, DIALUP = "203.0.113.25", "198.51.100.7"
FORGER = "joe@walkin.example"
MBOX, ORG, NET = "all@mbox.test", "bob@example.org", "dan@example.net"

ZONE = """
sender.example      TXT "v=spf1 ip4:203.0.113.25 -all"
bank.example        TXT "v=spf1 -all"
_dmarc.bank.example TXT "v=DMARC1; p=reject"
_dmarc.shop.example TXT "v=DMARC1; p=quarantine"
"""

RULES = """
trusted_networks = [ ];
susranges = (
  { name = "dialup"; networks = [ "198.51.100.0/24" ]; },
  { name = "watch";  networks = [ "203.0.113.25" ]; mode = "monitor"; }
);
blocks = ( { name = "monster"; domains = [ ".monster" ]; } );
dmarc = { default = "off"; %s };
domains = (
  { name = "mbox.test";   dmarc = "quarantine"; },
  { name = "example.org"; dmarc = "reject"; }
);
"""

FORGED = """From: <{author}>
Authentication-Results: mx.lab.test; spf=pass smtp.mailfrom=bank.example
authentication-results:
\t(a comment) MX.Lab.Test
\t1; dmarc=pass header.from=bank.example
Authentication-Results: other.example; dkim=pass header.d=bank.example
Authentication-Results: "mx.lab.test"; dkim=pass
Authentication-Results : mx.lab.test; dkim=pass
AUTHENTICATION-RESULTS:mx.lab.test;dkim=pass
Subject: forged

Hello
"""


def fields(message, name):
    """Values of all fields of that name, unfolded."""
    header = message.replace("\r\n", "\n").split("\n\n", 1)[0].replace("\n\t", " ")
    header = header.replace("\n ", " ")
    return [l.split(":", 1)[1].strip() for l in header.split("\n")
            if l.lower().startswith(name.lower() + ":")]


def delivered(postfix, subject, seconds=15):
    """The one message with this subject."""
    def found():
        folder = postfix.dir / "mail/all/new"
        return [t for t in (p.read_text(errors="replace") for p in folder.glob("*"))
                if subject in fields(t, "Subject")]
    lab.wait_for(found, seconds, f"delivery of {subject!r}")
    return found()[0]


def send(session, sender, to, message):
    """One message to one recipient; the last reply."""
    replies = [session.mail(sender), session.rcpt(to)]
    return session.data(message) if replies[1].code == 250 else replies[1]


# ---- headers ---------------------------------------------------------------------------------


def results_header(checks, seen, what):
    """One Authentication-Results of ours with what was evaluated, and the foreign one."""
    checks.true(f"{what['mta']}: a blank behind the colon, no two",
                re.search(rf"^Authentication-Results: {what['id']};", seen, re.M), seen)
    results = fields(seen, "Authentication-Results")
    ours = [r for r in results if r.startswith(what["id"] + ";")]
    checks.same(f"{what['mta']}: fields that stay", len(results), 2)
    checks.same(f"{what['mta']}: only one is ours", len(ours), 1)
    checks.true(f"{what['mta']}: the foreign one is left",
                "other.example; dkim=pass header.d=bank.example" in results, results)
    checks.true(f"{what['mta']}: ours is true", ours and "spf=pass" in ours[0]
                and "dmarc=none" in ours[0] and "header.from=plain.example" in ours[0], ours)
    checks.same(f"{what['mta']}: monitor mode is told", fields(seen, "X-Susmilter"),
                ["rule=watch mode=monitor"])


def headers_postfix(checks, postfix):
    with postfix.session(source=GOOD) as s:
        reply = send(s, "ann@sender.example", MBOX, FORGED.format(author="ann@plain.example"))
    checks.same("Postfix: accepted", reply.code, 250)
    results_header(checks, delivered(postfix, "forged"), {"mta": "Postfix", "id": "mx.lab.test"})


def envelope_header(envelope):
    """The header fields in a queue file of Sendmail."""
    header = []
    for line in envelope.split("\n"):
        if line.startswith("H"):
            header.append(line[line.index("?", 2) + 1 if line[1] == "?" else 1:])
        elif line.startswith("\t") and header:
            header[-1] += "\n" + line
    return "\n".join(header) + "\n\n"


def headers_sendmail(checks, sendmail):
    message = FORGED.format(author="ann@plain.example").replace("mx.lab.test", "mx.sm.lab.test")
    message = message.replace("MX.Lab.Test", "MX.SM.Lab.Test")
    with sendmail.session(source=GOOD) as s:
        reply = send(s, "ann@sender.example", MBOX, message)
    checks.same("Sendmail: accepted", reply.code, 250)
    queued = [e for e in map(envelope_header, sendmail.queued())
              if fields(e, "Subject") == ["forged"]]
    checks.same("Sendmail: one message", len(queued), 1)
    results_header(checks, queued[0], {"mta": "Sendmail", "id": "mx.sm.lab.test"})


def many_headers(checks, postfix):
    """Header limits: 1,000 fields and 256 KiB."""
    for label, header in (("1,001 fields", "X-A: b\n" * 1001),
                          ("300 KiB", ("X-A: " + "b" * 900 + "\n") * 340)):
        with postfix.session(source=GOOD) as s:
            reply = send(s, FORGER, MBOX, f"From: <{FORGER}>\n{header}\nx\n")
            checks.true(label, reply.startswith("552 5.3.4 "), reply)
            reply = send(s, FORGER, MBOX, f"From: <{FORGER}>\nSubject: after {label}\n\nx\n")
            checks.same(f"the next message after {label}", reply.code, 250)


# ---- quarantine --------------------------------------------------------------------------------


def quarantine(checks, servers, daemon, postfix, sendmail):
    message = "From: <sale@shop.example>\nSubject: marked\n\nx\n"
    with postfix.session(source=GOOD) as s:
        checks.same("mark: accepted", send(s, FORGER, MBOX, message).code, 250)
    seen = delivered(postfix, "marked")
    checks.true("mark: the header tells", "dmarc=quarantine" in fields(seen, "X-Susmilter"), seen)
    checks.true("mark: in the results, too", any(
        "dmarc=fail" in r and "dis=quarantine" in r
        for r in fields(seen, "Authentication-Results")), seen)

    daemon.configure(servers.resolver + RULES % 'quarantine = "hold";')
    daemon.reload()
    message = message.replace("marked", "held")
    for mta, server in (("Postfix", postfix), ("Sendmail", sendmail)):
        with server.session(source=GOOD) as s:
            checks.same(f"hold: accepted, {mta}", send(s, FORGER, MBOX, message).code, 250)
    held = [q for q in postfix.queued() if q["queue_name"] == "hold"]
    checks.same("hold: in Postfix's hold queue", len(held), 1)
    held = sendmail.queued("hf")
    checks.same("hold: in Sendmail's quarantine", len(held), 1)
    daemon.configure(servers.resolver + RULES % "")
    daemon.reload()


# ---- mail that does not come by SMTP -------------------------------------------------------------


def local_mail(checks, postfix):
    """Nothing is refused that did not come by SMTP: it would stick in the queue."""
    postfix.sendmail("x@cash.monster", MBOX, "From: x@cash.monster\nSubject: local\n\nx\n")
    checks.true("sendmail(1)", delivered(postfix, "local"))


def requeued_mail(checks, daemon, postfix, resolver):
    """Accepted, deferred, then refused by a new generation: a re-queue must not meet that."""
    postfix.set(defer_transports="virtual")
    with postfix.session(source=GOOD) as s:
        reply = send(s, "x@later.example", MBOX, "From: <x@later.example>\nSubject: again\n\nx\n")
    checks.same("before the rule: accepted", reply.code, 250)
    daemon.configure(resolver + RULES.replace('".monster"', '".monster", "later.example"') % "")
    daemon.reload()
    with postfix.session(source=GOOD) as s:
        reply = send(s, "x@later.example", MBOX, "From: <x@later.example>\n\nx\n")
    checks.same("after the rule: refused", reply.code, 550)
    subprocess.run(["/usr/sbin/postsuper", "-c", postfix.etc, "-r", "ALL"], check=True,
                   capture_output=True)
    postfix.set(defer_transports="")
    postfix.flush()
    checks.true("re-queued mail", delivered(postfix, "again"))
    lab.wait_for(lambda: not postfix.queued(), 15, "an empty queue")
    daemon.configure(resolver + RULES % "")
    daemon.reload()


# ---- XCLIENT -------------------------------------------------------------------------------------


def xclient(checks, postfix):
    cases = (
        ("address", dict(client=DIALUP), f"550 5.7.1 Unauthenticated mail not allowed from this "
         "range (198.51.100.0/24, dialup)"),
        ("IPv4-mapped address", dict(client="::ffff:" + DIALUP), "550 5.7.1 Unauthenticated mail "
         "not allowed from this range (198.51.100.0/24, dialup)"),
        ("name", dict(client="192.0.2.9", name="a.monster"),
         "550 5.7.1 Mail from a.monster is not accepted here (monster)"),
        ("HELO", dict(client="192.0.2.9", helo="b.monster"),
         "550 5.7.1 Mail from b.monster is not accepted here (monster)"),
        ("none of it", dict(client="2001:db8::9"), "250 2.1.5 Ok"),
    )
    for label, who, wanted in cases:
        with postfix.session(**who) as s:
            s.mail(FORGER)
            checks.same(f"XCLIENT: {label}", str(s.rcpt(NET)), wanted)


# ---- recipients that disagree --------------------------------------------------------------------


def split(checks, daemon, label, client, sender, recipients):
    """One message to a domain that rejects and one that does not, tried by a real MTA until its
    queue is empty: put off once, then apart."""
    before = len(daemon.records())
    with client.session() as s:
        s.mail(sender)
        for recipient in recipients:
            s.rcpt(recipient)
        s.data(f"From: <alert@bank.example>\nSubject: {label}\n\nx\n")
    for _ in range(20):
        client.flush()
        try:
            lab.wait_for(lambda: not client.queued(), 1, "an empty queue")
            break
        except TimeoutError:
            pass
    checks.same(f"{label}: nothing waits at the sender's", client.queued(), [])
    codes = [r["code"] for r in daemon.records()[before:] if r["action"] != "accept"]
    checks.true(f"{label}: put off once, then apart",
                codes.count(451) == 1 and codes.count(452) == 1 and codes.count(550) == 1, codes)


def bounced(checks, label, bounce):
    """The bounce names who was refused and why, and nobody else."""
    failed = [l.split(";")[1].strip() for l in bounce.split("\n")
              if l.lower().startswith("final-recipient:")]
    checks.same(f"{label}: the bounce is about the one refused", failed, [ORG])
    checks.true(f"{label}: the bounce says why",
                "bank.example publishes p=reject" in bounce, bounce)


def taken(server, sender):
    """How often a server took mail of this sender for each: a Postfix that discards it tells its
    log, a Sendmail keeps all in its queue."""
    if isinstance(server, lab.Sendmail):
        lines = [l for e in server.queued() if f"\nS<{sender}>" in e for l in e.split("\n")]
        return {r: sum(l.startswith("R") and r in l for l in lines) for r in (ORG, NET)}
    log = server.log()
    ids = set(re.findall(rf": (\w+): from=<{re.escape(sender)}>", log))
    return {r: sum(log.count(f" {i}: to=<{r}>") for i in ids) for r in (ORG, NET)}


def split_from_postfix(checks, servers, daemon, *receivers):
    """Sent by a Postfix, to both kinds of server."""
    client = servers.postfix(None, name="client", smtp_address_preference="ipv4")
    for server in receivers:
        label = f"split, Postfix to {type(server).__name__}"
        sender = f"pf.{server.dir.name}@mbox.test"
        client.set(relay_transport=f"smtp:[127.0.0.1]:{server.port}")
        split(checks, daemon, label, client, sender, (ORG, NET))
        lab.wait_for(lambda s=server, f=sender: taken(s, f)[NET], 10, "delivery")
        checks.same(f"{label}: to one, once", taken(server, sender), {ORG: 0, NET: 1})
        bounced(checks, label, delivered(client, "Undelivered Mail Returned to Sender"))
        for path in (client.dir / "mail/all/new").glob("*"):
            path.unlink()


def bounce_of_sendmail(server):
    """What the server took for the sender, to whom Sendmail returns its mail."""
    if isinstance(server, lab.Sendmail):
        return "".join(b for b in server.queued("df") if "Transcript of session follows" in b)
    return delivered(server, "Returned mail: see transcript for details")


def split_from_sendmail(checks, servers, daemon, postfix, sendmail):
    """Sent by the queue runs of a Sendmail, to both kinds of server and in both orders."""
    for server, order in ((postfix, (ORG, NET)), (sendmail, (NET, ORG))):
        label = f"split, Sendmail to {type(server).__name__}"
        sender = f"sm.{server.dir.name}@mbox.test"
        client = servers.sendmail(None, name=f"client-{server.dir.name}", host="client.lab.test",
                                  relay_port=server.port)
        split(checks, daemon, label, client, sender, order)
        lab.wait_for(lambda s=server, f=sender: taken(s, f)[NET], 10, "delivery")
        checks.same(f"{label}: to one, once", taken(server, sender), {ORG: 0, NET: 1})
        bounced(checks, label, bounce_of_sendmail(server))


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("mail_test", [GOOD, DIALUP], {})
    checks = Checks("mail")
    with lab.Lab(build, keep) as servers:
        resolver = servers.resolver = servers.dns(ZONE).resolver
        daemon = servers.daemon(resolver + RULES % "")
        postfix = servers.postfix(daemon)
        sendmail = servers.sendmail(daemon)
        headers_postfix(checks, postfix)
        headers_sendmail(checks, sendmail)
        many_headers(checks, postfix)
        quarantine(checks, servers, daemon, postfix, sendmail)
        xclient(checks, postfix)
        split_from_postfix(checks, servers, daemon, postfix, sendmail)
        split_from_sendmail(checks, servers, daemon, postfix, sendmail)
        local_mail(checks, postfix)
        requeued_mail(checks, daemon, postfix, resolver)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
