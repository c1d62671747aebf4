#!/usr/bin/python3
"""policy_test: the policy protocol on policy.socket, alone, beside the milter, and with Postfix.

    policy_test.py BUILD_DIRECTORY [--keep]

POLICY_SESSIONS=10000 compares more of them with the milter, and a fifth through Postfix.

Root for the private Postfix.
"""
import json
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
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402
from policytalk import PolicyTalk, request  # noqa: E402

DIALUP, GOOD, TO = "198.51.100.7", "203.0.113.25", "dan@example.net"
REFUSED = ("550 5.7.1 Unauthenticated mail not allowed from this range "
           "(198.51.100.0/24, dialup)")
ZONE = '''example.org TXT "v=spf1 ip4:203.0.113.0/24 -all"
fail.example TXT "v=spf1 ip4:192.0.2.1 -all"
'''
CONF = '''
policy = {{ socket = "{spec}"; failure = "{failure}"; }};
trusted_networks = [ "192.0.2.200" ];
whitelist = ( {{ name = "partner"; networks = [ "198.51.100.25" ]; }} );
blocks = ( {{ name = "monster"; domains = [ ".monster" ]; }},
           {{ name = "dead"; recipient = [ "gone@example.net" ]; reply = "550 5.1.1 No such mailbox"; }},
           {{ name = "later"; helo = [ "later.example" ]; reply = "451 4.7.1 Come again"; }},
           {{ name = "plain"; helo = [ "plain.example" ]; tls = [ "none" ]; }},
           {{ name = "author"; from = [ "bad.example" ]; }} );
susranges = ( {{ name = "dialup"; networks = [ "198.51.100.0/24" ]; }},
              {{ name = "trial"; networks = [ "198.51.101.0/24" ]; mode = "monitor"; }} );
domains = ( {{ name = "off.example"; susranges = "off"; }} );
'''


def start(servers, dns, name, failure="accept", spec=None, more="", **options):
    spec = spec or f"unix:{servers.dir / name}.policy"
    daemon = servers.daemon(dns.resolver + CONF.format(spec=spec, failure=failure) + more, name=name,
                            **options)
    daemon.policy = spec
    return daemon


def status(daemon):
    return json.loads(daemon.ctl("status", "--json").stdout)


def recorded(daemon, count):
    """The records, once there are so many, and a moment later."""
    lab.wait_for(lambda: len(daemon.records()) >= count, 10, f"{count} records")
    time.sleep(0.1)
    return daemon.records()


def counted(daemon):
    """All decisions since the start."""
    return sum(c["count"] for c in
               json.loads(daemon.ctl("stats", "--json").stdout)["counters"])


# ---- what it answers -------------------------------------------------------------------------------


def answers(checks, daemon):
    with PolicyTalk(daemon.policy) as t:
        for label, want, client, sender, to, more in (
                ("a range", REFUSED, DIALUP, "a@walkin.example", TO, {}),
                ("nothing against it", "DUNNO", GOOD, "a@walkin.example", TO, {}),
                ("IPv4-mapped", REFUSED, "::ffff:" + DIALUP, "a@walkin.example", TO, {}),
                ("whitelisted", "DUNNO", "198.51.100.25", "a@walkin.example", TO, {}),
                ("authenticated", "DUNNO", DIALUP, "a@walkin.example", TO,
                 {"sasl_username": "anna"}),
                ("trusted", "DUNNO", "192.0.2.200", "a@x.monster", TO, {}),
                ("exempt", "DUNNO", DIALUP, "a@walkin.example", "postmaster@example.net", {}),
                ("its domain has it off", "DUNNO", DIALUP, "a@walkin.example", "x@off.example", {}),
                ("a reply of the rule", "550 5.1.1 No such mailbox", GOOD, "a@walkin.example",
                 "gone@example.net", {}),
                ("a tempfail", "451 4.7.1 Come again", GOOD, "a@walkin.example", TO,
                 {"helo_name": "later.example"}),
                ("a block by client name", "550 5.7.1 Mail from x.monster is not accepted here "
                 "(monster)", GOOD, "a@walkin.example", TO, {"client_name": "x.monster"}),
                ("monitor mode", "DUNNO", "198.51.101.7", "a@walkin.example", TO, {}),
                ("SPF fail", "550 5.7.23 SPF: 203.0.113.25 is not allowed to send for "
                 "fail.example", GOOD, "a@fail.example", TO, {}),
                ("another stage", "DUNNO", DIALUP, "a@walkin.example", TO,
                 {"protocol_state": "DATA"}),
                ("only what is needed", REFUSED, DIALUP, "a@walkin.example", TO,
                 dict.fromkeys(("instance", "queue_id", "sasl_username", "size", "client_port",
                                "client_name", "helo_name")))):
            checks.same(f"answer: {label}", t.ask(client, sender, to, **more), want)
    seen = recorded(daemon, 14)
    checks.true("each is on record with its door, but of another stage", len(seen) == 14 and
                all(r["door"] == "policy" for r in seen), seen)
    checks.true("records name rule and family",
                any(r["action"] == "reject" and r["rule"] == "dialup" and r["client"] == DIALUP
                    and r["stage"] == "rcpt" and r["family"] == "susranges" for r in seen), seen)
    policy = status(daemon)["policy"]
    checks.true("status counts requests and refusals",
                policy["requests"] == 15 and policy["refused"] == 7 and policy["failed"] == 0, policy)
    checks.true("status in words", "policy       15 requests, 7 refused" in
                daemon.ctl("status").stdout)


def found(checks, servers, dns):
    """History, find and explain know it."""
    daemon = start(servers, dns, "kept", more='history = { directory = "history"; };\n'
                   'help_url = "https://help.example/d/";\n')
    with PolicyTalk(daemon.policy) as t:
        said = t.ask(DIALUP, "a@walkin.example", TO)
    token = said.rsplit("/", 1)[-1]
    checks.true("the reply has an id", len(token) == 16, said)
    rows = daemon.ctl("find", "--decision", token, "--json").stdout.splitlines()
    checks.true("find shows it, with its door", len(rows) == 1 and
                json.loads(rows[0])["door"] == "policy", rows)
    said = daemon.ctl("explain", "--decision", token).stdout
    checks.true("explain shows it", REFUSED[4:] in said, said)


# ---- bad manners -----------------------------------------------------------------------------------


def last_words(daemon, data, half_close=False):
    """What comes until the connection ends; None when it does not."""
    with PolicyTalk(daemon.policy, timeout=15) as t:
        said = b""
        try:
            t.send(data)
            if half_close:
                t.socket.shutdown(socket.SHUT_WR)
            while part := t.socket.recv(65536):
                said += part
        except (BrokenPipeError, ConnectionResetError):
            pass
        except TimeoutError:
            return None
        return said.decode()


def manners(checks, daemon, tempfail):
    no = "action=451 4.3.0 Temporary failure of a filter, try again later\n\n" if tempfail \
        else "action=DUNNO\n\n"
    good = request(DIALUP, "a@walkin.example", TO)
    yes = f"action={REFUSED}\n\n"
    for label, data, want in (
            ("no request", b"GET / HTTP/1.0\r\n\r\n", no),
            ("an attribute twice", request(GOOD, "a@b\nsasl_username=x", TO), no),
            ("NUL", good.replace(b"a@walkin", b"a\0@walkin"), no),
            ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", no)):
        checks.same(f"manners: {label}, {daemon.dir.name}", last_words(daemon, data), no)
    checks.same("manners: a half-closed connection is answered, then closed",
                last_words(daemon, good, half_close=True), yes)
    checks.same("manners: several at once, half-closed",
                last_words(daemon, good * 3, half_close=True), yes * 3)
    checks.same("manners: the good one before the bad is answered",
                last_words(daemon, good + b"bad\n\n"), yes + no)
    checks.same("manners: half a request at the end", last_words(daemon, good + good[:50],
                                                                 half_close=True), yes)
    huge = last_words(daemon, b"a=" + b"x" * 100000)
    checks.true("manners: a request without end", huge in ("", no), huge)
    with PolicyTalk(daemon.policy) as t:
        for i in range(len(good)):
            t.send(good[i:i + 1])
        checks.same("manners: octet by octet", t.answer(), REFUSED)
        t.send(b"\n\r\n\n")
        checks.same("manners: line ends between requests", t.ask(GOOD, "a@walkin.example", TO),
                    "DUNNO")


def slow_client(checks, daemon):
    """Half a request is closed after ten seconds; others do not notice."""
    start_time = time.monotonic()
    held = [PolicyTalk(daemon.policy, timeout=30) for _ in range(20)]
    for t in held:
        t.send(b"request=smtpd_access_policy\nprotocol_")
    with PolicyTalk(daemon.policy) as t:
        checks.same("slow: others are answered", t.ask(DIALUP, "a@walkin.example", TO), REFUSED)
        checks.same("slow: all are closed", {h.answer() for h in held}, {""})
        took = time.monotonic() - start_time
        checks.true("slow: after ten seconds", 9 < took < 20, took)
        checks.same("slow: who has said nothing wrong stays",
                    t.ask(DIALUP, "a@walkin.example", TO), REFUSED)
    for h in held:
        h.socket.close()


def unread(checks, daemon):
    """A client that never reads its answers is closed, not waited for."""
    with PolicyTalk(daemon.policy, timeout=20) as t:
        data = request(DIALUP, "a@walkin.example", TO) * 200
        try:
            for _ in range(1000):
                t.send(data)
            ended = False
        except (BrokenPipeError, ConnectionResetError):
            ended = True
        checks.true("unread: the connection is closed", ended)
    with PolicyTalk(daemon.policy) as t:
        checks.same("unread: others are answered", t.ask(DIALUP, "a@walkin.example", TO), REFUSED)


def crowd(checks, servers, dns):
    """More connections than places: the quietest goes, newcomers are answered."""
    daemon = start(servers, dns, "crowd", milter="max_sessions = 8;")
    held = [PolicyTalk(daemon.policy) for _ in range(16)]
    for t in held:
        checks.same("crowd: one of 16", t.ask(DIALUP, "a@walkin.example", TO), REFUSED)
    for _ in range(100):
        with PolicyTalk(daemon.policy) as t:
            if t.ask(DIALUP, "a@walkin.example", TO) != REFUSED:
                checks.true("crowd: a newcomer", False)
    with PolicyTalk(daemon.policy) as t:
        checks.same("crowd: the 117th", t.ask(DIALUP, "a@walkin.example", TO), REFUSED)
    gone = 0
    for t in held:
        try:
            t.send(request(DIALUP, "a@walkin.example", TO))
            gone += t.answer() == ""
        except (BrokenPipeError, ConnectionResetError):
            gone += 1
        t.socket.close()
    checks.true("crowd: quiet ones have gone", gone > 0, gone)
    policy = status(daemon)["policy"]
    checks.true("crowd: never more than twice max_sessions", policy["open"] <= 16, policy)
    checks.true("crowd: nothing failed", policy["failed"] == 0, policy)


def silence(checks, servers):
    """Senders whose name servers are silent hold up nobody; beyond the bound policy.failure."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]

        class Silent:
            resolver = f'resolver = {{ servers = [ "127.0.0.1@{port}" ]; timeout = 20.0; }};\n'
        daemon = start(servers, Silent, "silence", failure="tempfail", milter="max_sessions = 12;")
        held = [PolicyTalk(daemon.policy, timeout=40) for _ in range(8)]
        asked = time.monotonic()
        for i, t in enumerate(held):
            t.send(request(GOOD, f"a@n{i}.example", TO, instance=str(i)))
        time.sleep(0.5)
        began = time.monotonic()
        with PolicyTalk(daemon.policy) as t:
            for i in range(50):
                checks.same("silence: what needs no DNS is answered",
                            t.ask(DIALUP, "a@walkin.example", TO, instance=f"x{i}"), REFUSED)
        took = time.monotonic() - began
        checks.true("silence: at once", took < 3 * lab.slowness(servers.build), took)
        more = [PolicyTalk(daemon.policy, timeout=40) for _ in range(8)]
        for i, t in enumerate(more):
            t.send(request(GOOD, f"a@m{i}.example", TO, instance=f"m{i}"))
        time.sleep(1)
        with PolicyTalk(daemon.policy) as t:
            began = time.monotonic()
            said = t.ask(DIALUP, "a@walkin.example", TO)
            took = time.monotonic() - began
        checks.true("silence: beyond the bound the failure's answer, soon",
                    said.startswith("451 4.3.0") and took < 3, (said, took))
        heard = [t.answer() for t in held]
        checks.same("silence: in the end they are let through", set(heard), {"DUNNO"})
        took = time.monotonic() - asked
        checks.true("silence: after the 20 seconds that SPF has", 18 < took < 25, took)
        for t in held + more:
            t.socket.close()
        lab.wait_for(lambda: status(daemon)["policy"]["busy"] == 0, 40, "the last answer")
        with PolicyTalk(daemon.policy) as t:
            checks.same("silence: afterwards all is well", t.ask(DIALUP, "a@walkin.example", TO),
                        REFUSED)


def hostile(checks, daemon, seconds=5):
    """Junk from several connections at once, and a good client among them."""
    end = time.monotonic() + seconds
    good = request(DIALUP, "a@walkin.example", TO)

    def throw(seed):
        r = random.Random(seed)
        while time.monotonic() < end:
            data = bytearray(good * r.randint(1, 3))
            for _ in range(r.randint(0, 5)):
                data[r.randrange(len(data))] = r.randrange(256)
            del data[r.randrange(len(data)):]
            try:
                with PolicyTalk(daemon.policy) as t:
                    t.send(bytes(data))
                    if r.random() < 0.5:
                        t.socket.settimeout(0.01)
                        t.socket.recv(100)
            except OSError:
                pass
    threads = [threading.Thread(target=throw, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    asked = 0
    worker = daemon.worker()
    while time.monotonic() < end:
        with PolicyTalk(daemon.policy) as t:
            for _ in range(20):
                asked += 1
                if (said := t.ask(DIALUP, "a@walkin.example", TO)) != REFUSED:
                    checks.same("hostile: a good client", said, REFUSED)
    for t in threads:
        t.join()
    checks.true("hostile: the good client was answered", asked > 100, asked)
    checks.same("hostile: the worker lives", daemon.worker(), worker)


# ---- life ------------------------------------------------------------------------------------------


def life(checks, servers, dns):
    daemon = start(servers, dns, "life")
    path = pathlib.Path(daemon.policy[5:])
    with PolicyTalk(daemon.policy) as t:
        checks.same("life: before the reload", t.ask(GOOD, "a@walkin.example", TO, instance="1"),
                    "DUNNO")
        conf = (daemon.dir / "susmilter.conf").read_text()
        daemon.write("susmilter.conf", conf.replace("198.51.100.0/24", "203.0.113.0/24"))
        daemon.reload()
        checks.same("life: a message keeps its generation",
                    t.ask(GOOD, "a@walkin.example", "eve@example.net", instance="1"), "DUNNO")
        checks.true("life: the next message has the new one",
                    "dialup" in t.ask(GOOD, "a@walkin.example", TO, instance="2"))
        t.ask(GOOD, "a@walkin.example", TO, instance="3")
        daemon.write("susmilter.conf", conf)
        daemon.reload()
        lab.wait_for(lambda: status(daemon)["generations_in_memory"] == 1, 20,
                     "an idle connection to let its generation go")
        checks.same("life: it goes on", t.ask(DIALUP, "a@walkin.example", TO, instance="3"), REFUSED)
    mode = path.stat().st_mode & 0o777
    checks.same("life: mode of the socket", oct(mode), "0o660")
    path.unlink()
    lab.wait_for(path.exists, 10, "a deleted socket to be made again")
    lab.wait_for(lambda: "was deleted: created again" in daemon.said(), 5, "a word of it")
    with PolicyTalk(daemon.policy) as t:
        checks.same("life: on the new socket", t.ask(DIALUP, "a@walkin.example", TO), REFUSED)
    checks.same("life: with its mode", oct(path.stat().st_mode & 0o777), "0o660")
    os.kill(daemon.worker(), 9)
    lab.wait_for(lambda: daemon.said().count("ready") > 1 or "running again" in daemon.said(), 20,
                 "another worker")
    lab.wait_for(path.exists, 10, "its socket")

    def answered():
        try:
            with PolicyTalk(daemon.policy) as t:
                return t.ask(DIALUP, "a@walkin.example", TO) == REFUSED
        except OSError:
            return False
    lab.wait_for(answered, 10, "an answer of another worker")
    metrics = daemon.ctl("status", "--json")
    checks.true("life: status after a restart", json.loads(metrics.stdout)["policy"]["requests"] >= 1)


def drain(checks, servers):
    """A stop waits for the answer that is under way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))

        class Silent:
            resolver = (f'resolver = {{ servers = [ "127.0.0.1@{silent.getsockname()[1]}" ]; '
                        'timeout = 2.0; };\n')
        daemon = start(servers, Silent, "drain")
        path = pathlib.Path(daemon.policy[5:])
        with PolicyTalk(daemon.policy) as idle, PolicyTalk(daemon.policy) as busy:
            idle.ask(DIALUP, "a@walkin.example", TO)
            busy.send(request(GOOD, "a@n.example", TO))
            time.sleep(0.5)
            stop = threading.Thread(target=daemon.stop)
            stop.start()
            checks.same("drain: an idle connection ends at once", idle.answer(), "")
            checks.same("drain: a request is answered", busy.answer(), "DUNNO")
            checks.same("drain: then its connection ends", busy.answer(), "")
            stop.join()
        checks.true("drain: the socket is gone", not path.exists())


def tcp(checks, servers, dns):
    port = lab.free_port()
    daemon = start(servers, dns, "tcp", spec=f"inet:{port}@127.0.0.1")
    with PolicyTalk(daemon.policy) as t:
        checks.same("TCP", t.ask(DIALUP, "a@walkin.example", TO), REFUSED)
        for label, given, want in (("without TLS", "", "550"), ("with TLS", "TLSv1.3", "DUNNO"),
                                   ("of an MTA that does not tell", None, "DUNNO")):
            said = t.ask(GOOD, "a@walkin.example", TO, helo_name="plain.example",
                         encryption_protocol=given)
            checks.same(f"a rule on TLS, {label}", said[:len(want)], want)
    checked = daemon.ctl("check").stderr
    checks.true("check names the rule that this door cannot ask", '"author" looks at the message, '
                "which policy.socket does not show" in checked, checked)


# ---- both doors ------------------------------------------------------------------------------------


def random_sessions(count, seed):
    """Client, client name, HELO, sender, recipient, login."""
    r = random.Random(seed)
    clients = [DIALUP, GOOD, "198.51.100.25", "198.51.101.7", "192.0.2.200", "203.0.113.9",
               "2001:db8::7", "::ffff:198.51.100.9"]
    names = [None, "mx.example.org", "pool.dialup.example", "x.monster"]
    helos = ["client.example", "later.example", "[198.51.100.7]", "x.monster", "örtchen"]
    senders = ["", "a@walkin.example", "a@x.monster", "a@fail.example", "a@example.org",
               '"a b"@fail.example', '"a\\"b"@x.monster', "A@X.MONSTER", "a@sub.x.monster",
               "@r.example:a@x.monster", "postmaster"]
    tos = [TO, "postmaster@example.net", "gone@example.net", "x@off.example", "GONE@Example.NET",
           '"gone"@example.net', "gone+x@example.net"]
    for _ in range(count):
        yield (r.choice(clients), r.choice(names), r.choice(helos), r.choice(senders),
               r.choice(tos), "anna" if r.random() < 0.1 else "")


def same_verdicts(checks, daemon, count):
    """The milter and the policy door say the same."""
    differ = []
    with PolicyTalk(daemon.policy) as p:
        for i, (client, name, helo, sender, to, login) in enumerate(random_sessions(count, 12)):
            with Talk("127.0.0.1", daemon.port) as t:
                t.connect(name or "unknown", client)
                t.helo(helo)
                said = t.mail(sender, **({"auth_authen": login} if login else {}))
                if said == "c":
                    said = t.rcpt(to)
            milter = "DUNNO" if said in ("c", "a") else said[1:].replace("%%", "%")
            policy = p.ask(client, sender, to, client_name=name or "unknown", helo_name=helo,
                           sasl_username=login, instance=str(i), client_port="")
            if milter != policy:
                differ.append((client, name, helo, sender, to, login, milter, policy))
    checks.true(f"milter and policy door agree on {count} sessions", not differ, differ[:5])


def through_postfix(checks, servers, dns, count):
    """With a real Postfix, alone and beside the milter."""
    port = lab.free_port()
    daemon = start(servers, dns, "postfixed", spec=f"inet:{port}@127.0.0.1")
    ask = {"smtpd_recipient_restrictions": f"check_policy_service inet:127.0.0.1:{port}"}
    policy = servers.postfix(None, name="postfix-policy", **ask)
    both = servers.postfix(daemon, name="postfix-both", **ask)
    milter = servers.postfix(daemon, name="postfix-milter")

    def play(mta, client, name, helo, sender, to):
        with mta.session(client, name, helo=helo) as s:
            said = [s.mail(sender), s.rcpt(to)]
            return said[1] if said[0].code == 250 else said[0]

    def plain(said):
        """Acceptance is worded by Postfix, which also says whom it refuses before our reply."""
        if said.code == 250:
            return "250"
        return re.sub(r"<.*>: Recipient address rejected: ", "", said)
    doctor = subprocess.run([servers.build / "susmilterctl", "-c", daemon.conf, "doctor",
                             "--postfix", both.etc], capture_output=True, text=True,
                            check=False).stdout
    checks.true("doctor finds the restriction, and the door answering",
                "smtpd_recipient_restrictions: susmilter is asked for each recipient" in doctor and
                f"{daemon.policy} speaks the policy protocol and answers" in doctor, doctor)
    for client, name, helo, sender, to, _ in random_sessions(count, 3):
        # XCLIENT takes no mapped address, SMTP no raw UTF-8, and a route stays what it is.
        if client.startswith("::ffff") or "ö" in helo or sender.startswith("@"):
            continue
        to = to.replace("off.example", "open.example")
        before = counted(daemon)
        seen = {m: play(mta, client, name, helo, sender, to) for m, mta in
                (("milter", milter), ("policy", policy), ("both", both))}
        checks.true(f"Postfix: {client} {sender} {to}",
                    len({plain(r) for r in seen.values()}) == 1, seen)
        checks.same(f"Postfix: recorded once each: {client} {sender} {to}",
                    counted(daemon) - before, 3)


def counted_once(checks, servers, dns):
    daemon = start(servers, dns, "once")
    with Talk("127.0.0.1", daemon.port) as t, PolicyTalk(daemon.policy) as p:
        t.connect("unknown", GOOD)
        t.helo("client.example")
        t.mail("a@walkin.example")
        for i in range(5):
            checks.same("once: policy", p.ask(GOOD, "a@walkin.example", f"u{i}@example.net"),
                        "DUNNO")
            checks.same("once: milter", t.rcpt(f"u{i}@example.net"), "c")
        p.ask(GOOD, "a@walkin.example", "gone@example.net")
        t.rcpt("gone@example.net")
        p.ask(GOOD, "a@walkin.example", "gone@example.net", client_port="")
    seen = recorded(daemon, 7)
    checks.same("once: five recipients, a refusal, and one without its port", len(seen), 7)
    checks.same("once: the counters agree", counted(daemon), 7)


def logged_in(checks, servers, dns):
    """Of who is logged in each recipient is on record once, too."""
    spec = f"unix:{servers.dir}/login.policy"
    daemon = servers.daemon(dns.resolver + f'policy = {{ socket = "{spec}"; }};\n'
                            'history = { directory = "history"; };\n'
                            'blocks = ( { name = "form"; recipient = [ "never@example.net" ];\n'
                            '  applies = "authenticated"; } );\n', name="login")
    with Talk("127.0.0.1", daemon.port) as t, PolicyTalk(spec) as p:
        t.connect("unknown", GOOD)
        t.helo("client.example")
        t.mail("a@walkin.example", auth_authen="u")
        for to in ("u@example.net", "never@example.net", "v@example.net"):
            said = p.ask(GOOD, "a@walkin.example", to, sasl_username="u")
            checks.same(f"login: both doors say the same of {to}", said == "DUNNO", t.rcpt(to) == "c")

    def rows():
        found = daemon.ctl("find", "--json").stdout.splitlines()
        return sorted(r.get("recipient", r["stage"]) for r in map(json.loads, found))
    lab.wait_for(lambda: len(rows()) >= 4, 10, "4 rows")
    checks.same("login: rows", rows(), ["mail", "never@example.net", "u@example.net", "v@example.net"])


def speed(checks, servers, daemon):
    """Five thousand requests a second on one connection, on a machine that is not busy."""
    best, count = 0, 5000
    data = [request(GOOD, "a@walkin.example", TO, instance=str(i)) for i in range(count)]
    for _ in range(3):
        with PolicyTalk(daemon.policy) as t:
            began = time.monotonic()
            for one in data:
                t.send(one)
                t.answer()
            best = max(best, count / (time.monotonic() - began))
    if lab.instrumented(servers.build) or os.getloadavg()[0] > 2 * os.cpu_count():
        print(f"policy: {best:.0f} requests a second, not judged")
    else:
        checks.true("5,000 requests a second", best >= 5000, best)


def main():
    build = sys.argv[1]
    lab.become_root("policy_test runs a Postfix of its own")
    sessions = int(os.environ.get("POLICY_SESSIONS", "300"))
    checks = Checks("policy")
    with lab.Lab(build, "--keep" in sys.argv) as servers:
        dns = servers.dns(ZONE)
        daemon = start(servers, dns, "one")
        answers(checks, daemon)
        same_verdicts(checks, daemon, sessions)
        speed(checks, servers, daemon)
        manners(checks, daemon, False)
        unread(checks, daemon)
        hostile(checks, daemon)
        slow_client(checks, daemon)
        manners(checks, start(servers, dns, "tempfail", failure="tempfail"), True)
        found(checks, servers, dns)
        counted_once(checks, servers, dns)
        logged_in(checks, servers, dns)
        crowd(checks, servers, dns)
        tcp(checks, servers, dns)
        life(checks, servers, dns)
        drain(checks, servers)
        silence(checks, servers)
        through_postfix(checks, servers, dns, sessions // 5)
    return checks.summary()


if __name__ == "__main__":
    sys.exit(main())
