"""mta_cases: sessions that Postfix and Sendmail must answer alike, and what they must answer.

ADDRESSES are on the island's loopback interface, so each session really comes from its source.
A case's `want` is one answer for MAIL and each RCPT, and one for the end of the message where one is
sent; "250" stands for any 250 since each MTA says that in words of its own.
"""

GOOD, GOOD6 = "203.0.113.25", "2001:db8:1::25"
DIALUP, DIALUP6, SPARED = "198.51.100.7", "2001:db8:7::7", "198.51.100.25"
QQ, TRUSTED = "198.51.100.30", "192.0.2.200"
PERCENT, LONG, LATER, WATCHED = "192.0.2.50", "192.0.2.51", "192.0.2.52", "203.0.113.200"
SHOP, FORWARDER = "203.0.113.66", "203.0.113.77"

ADDRESSES = [GOOD, GOOD6, DIALUP, DIALUP6, SPARED, QQ, TRUSTED, PERCENT, LONG, LATER, WATCHED, SHOP,
             FORWARDER]
NAMES = {GOOD: "mx.sender.example", GOOD6: "mx6.sender.example", DIALUP: "pool7.dialup.example",
         QQ: "mx.qq.com", SHOP: "host.cash.monster", FORWARDER: "forward.example"}

RULES = """
trusted_networks = [ "192.0.2.200" ];
susranges = (
  { name = "dialup";  networks = [ "198.51.100.0/24", "2001:db8:7::/48", "!198.51.100.99" ]; },
  { name = "watch";   networks = [ "203.0.113.200" ]; mode = "monitor"; },
  { name = "percent"; networks = [ "192.0.2.50" ];
    reply = "550 5.7.1 100% of mail from %{helo} is refused, %s %n too"; },
  { name = "long";    networks = [ "192.0.2.51" ];
    reply = "550 5.7.1 %{helo} and %{helo} and again %{helo} are long names"; },
  { name = "later";   networks = [ "192.0.2.52" ]; reply = "450 4.7.1 Not yet"; }
);
whitelist = (
  { name = "partners"; networks = [ "198.51.100.25" ]; },
  { name = "qq";       domains = [ ".qq.com" ]; proof = [ "client_name" ]; },
  { name = "alumni";   networks = [ "203.0.113.77" ]; covers = [ "spf", "dmarc" ]; }
);
blocks = (
  { name = "monster"; domains = [ ".monster" ]; unless = { sender = [ "good.monster" ]; }; },
  { name = "bots";    helo = [ "ylmf-pc", "/^[0-9]{8}$/" ]; },
  { name = "pin";     sender = [ "gmail.example" ]; unless = { networks = [ "203.0.113.0/25" ]; }; },
  { name = "gone";    recipient = [ "gone@example.org" ]; reply = "550 5.1.1 No such mailbox"; },
  { name = "umlaut";  sender = [ "bücher.example" ]; },
  { name = "undeliverable"; recipient = [ "file:undeliverable" ]; applies = "authenticated";
    reply = "550 5.1.1 This address never worked: please correct your form"; },
  { name = "not-yours"; from = [ "bank.example" ]; unless = { login = [ "/bob(@.*)?/" ]; };
    applies = "authenticated"; reply = "550 5.7.1 Only the bank may write as the bank"; },
  { name = "gone-too"; recipient = [ "gone-too@example.org" ]; applies = "both"; }
);
spf = { fail = "reject"; };
dmarc = { default = "off"; };
domains = (
  { name = "example.org";  dmarc = "reject"; },
  { name = "example.com";  blocks = "off"; spf = "off"; },
  { name = "open.example"; susranges = "off"; }
);
"""

ZONE = """
sender.example      TXT "v=spf1 ip4:203.0.113.25 ip6:2001:db8:1::/48 -all"
soft.example        TXT "v=spf1 ~all"
mx.helo.example     TXT "v=spf1 -all"
bank.example        TXT "v=spf1 -all"
_dmarc.bank.example TXT "v=DMARC1; p=reject"
_dmarc.lax.example  TXT "v=DMARC1; p=none"
broken.example      TXT "v=spf1 ip4:nonsense -all"
silent.example      TXT SERVFAIL
"""

# What users' forms keep sending to: as many as a real host has collected.
UNDELIVERABLE_COUNT = 54594


def undeliverable(i):
    return f"u{i * 7919 % 1000003}@{'xyz'[i % 3]}{i % 211}.never.example"


UNDELIVERABLE = "".join(f"{undeliverable(i)}\n" for i in range(UNDELIVERABLE_COUNT))
NEVER_NO = "550 5.1.1 This address never worked: please correct your form"
NOT_YOURS = "550 5.7.1 Only the bank may write as the bank"

WALKIN = "joe@walkin.example"
AUTH = "550 5.7.1 Unauthenticated mail not allowed from this range "
DIALUP_NO, DIALUP6_NO = AUTH + "(198.51.100.0/24, dialup)", AUTH + "(2001:db8:7::/48, dialup)"
SPF_NO = "550 5.7.23 SPF: %s is not allowed to send for %s"
DMARC_NO = "550 5.7.1 DMARC: bank.example publishes p=reject and this message fails it"
ORG, NET, COM, OPEN = "bob@example.org", "dan@example.net", "eve@example.com", "kim@open.example"


def block_no(name, rule):
    return f"550 5.7.1 Mail from {name} is not accepted here ({rule})"


class Case:
    def __init__(self, label, source, to, want, sender=WALKIN, helo="client.example", author=None,
                 send=False, login=None):
        self.label, self.source, self.sender, self.helo = label, source, sender, helo
        self.to = [to] if isinstance(to, str) else to
        self.want = ["250"] + ([want] if isinstance(want, str) else want)
        self.author, self.send, self.login = author, send or author is not None, login


LONG_HELO = "h" * 200 + ".example"

CASES = [
    # SusRanges, their exceptions, and who is asked nothing.
    Case("address in no range", GOOD, ORG, ["250", "250"], author=WALKIN),
    Case("address in a range", DIALUP, NET, DIALUP_NO),
    Case("IPv6 in no range", GOOD6, ORG, ["250", "250"], author=WALKIN),
    Case("IPv6 in a range", DIALUP6, NET, DIALUP6_NO),
    Case("postmaster is reachable", DIALUP, "postmaster@example.org", ["250", "250"], send=True),
    Case("Abuse is reachable, in any case of letters", DIALUP, "Abuse@Example.ORG", "250"),
    Case("each recipient has its own answer", DIALUP,
         [ORG, "postmaster@example.org", OPEN, NET], [DIALUP_NO, "250", "250", DIALUP_NO]),
    Case("the same and a message to those accepted", DIALUP, [ORG, OPEN],
         [DIALUP_NO, "250", "250"], send=True),
    Case("recipient's domain has ranges off", DIALUP, OPEN, ["250", "250"], send=True),
    Case("authenticated", DIALUP, NET, ["250", "250"], login="alice", send=True),
    Case("authenticated, blocked names", DIALUP, NET, ["250", "250"], login="bob",
         sender="x@cash.monster", helo="ylmf-pc", author="x@cash.monster"),
    # Authenticated sessions and rules that are for them.
    Case("authenticated, recipients that never worked", DIALUP,
         [undeliverable(0), NET, undeliverable(27297).upper(),
          undeliverable(UNDELIVERABLE_COUNT - 1), "x" + undeliverable(1)],
         [NEVER_NO, "250", NEVER_NO, NEVER_NO, "250", "250"], login="alice", send=True),
    Case("the same through webmail", TRUSTED, [undeliverable(5), NET], [NEVER_NO, "250"],
         login="bob"),
    Case("rules for both", DIALUP, "gone-too@example.org",
         "550 5.7.1 Mail to gone-too@example.org is not accepted here (gone-too)", login="alice"),
    Case("rules for both, inbound", GOOD, "gone-too@example.org",
         "550 5.7.1 Mail to gone-too@example.org is not accepted here (gone-too)"),
    Case("authenticated, an author that is not theirs", GOOD, [NET, ORG], ["250", "250", NOT_YOURS],
         login="alice", author="ceo@bank.example"),
    Case("authenticated, an author that is theirs", GOOD, [NET, ORG], ["250", "250", "250"],
         login="bob", author="ceo@bank.example"),
    Case("trusted network without login", TRUSTED, "gone-too@example.org", "250"),
    Case("trusted network", TRUSTED, NET, ["250", "250"], sender="x@cash.monster", helo="ylmf-pc",
         author="x@cash.monster"),
    Case("whitelisted address in a range", SPARED, NET, "250"),
    Case("whitelisted address, blocked sender", SPARED, NET, "250", sender="x@cash.monster"),
    Case("whitelisted by name, with proof", QQ, NET, "250", sender="x@qq.com"),
    Case("the name alone proves nothing", DIALUP, NET, DIALUP_NO, sender="x@qq.com"),
    Case("monitor mode refuses nothing", WATCHED, NET, ["250", "250"], send=True),
    Case("a reply of 4xx", LATER, NET, "450 4.7.1 Not yet"),
    # Replies.
    Case("percent signs", PERCENT, NET,
         "550 5.7.1 100% of mail from 50%d%n.example is refused, %s %n too",
         helo="50%d%n.example"),
    Case("more than a line holds", LONG, NET, "550 5.7.1 " + (
        f"{LONG_HELO} and {LONG_HELO} and again {LONG_HELO}")[:469], helo=LONG_HELO),
    # Blocked names.
    Case("sender", GOOD, NET, block_no("cash.monster", "monster"), sender="x@cash.monster"),
    Case("sender, capitals", GOOD, NET, block_no("cash.monster", "monster"),
         sender="X@Cash.MONSTER"),
    Case("sender, the domain itself", GOOD, NET, block_no("monster", "monster"),
         sender="x@monster"),
    Case("sender with a comment in its domain", GOOD, NET, block_no("cash.monster", "monster"),
         sender="x@(c)cash.monster"),
    Case("sender with a name in front", GOOD, NET, block_no("cash.monster", "monster"),
         sender="X <x@cash.monster>"),
    Case("sender that is excused", GOOD, NET, "250", sender="x@good.monster"),
    Case("a name that only ends alike", GOOD, NET, "250", sender="x@notmonster"),
    Case("HELO", GOOD, NET, block_no("ylmf-pc", "bots"), helo="ylmf-pc"),
    Case("HELO by pattern", GOOD, NET, block_no("12345678", "bots"), helo="12345678"),
    Case("HELO below a blocked name", GOOD, NET, block_no("a.b.monster", "monster"),
         helo="a.b.monster"),
    Case("client name", SHOP, NET, block_no("host.cash.monster", "monster")),
    Case("pinned sender from elsewhere", WATCHED, NET, block_no("gmail.example", "pin"),
         sender="x@gmail.example"),
    Case("pinned sender from home", GOOD, NET, "250", sender="x@gmail.example"),
    Case("recipient", GOOD, ["gone@example.org", NET], ["550 5.1.1 No such mailbox", "250"]),
    Case("recipient with a comment in its domain", GOOD, ["gone@(c)example.org", NET],
         ["550 5.1.1 No such mailbox", "250"]),
    Case("recipient's domain has blocks off", GOOD, COM, "250", sender="x@cash.monster"),
    Case("postmaster again", GOOD, "postmaster@example.net", "250", sender="x@cash.monster"),
    Case("author", GOOD, NET, ["250", block_no("shop.monster", "monster")],
         author="x@shop.monster"),
    Case("author that is good", GOOD, NET, ["250", "250"], author="x@shop.example"),
    # SPF.
    Case("SPF pass", GOOD, NET, "250", sender="ann@sender.example"),
    Case("SPF pass over IPv6", GOOD6, NET, "250", sender="ann@sender.example"),
    Case("SPF fail", WATCHED, NET, SPF_NO % (WATCHED, "sender.example"),
         sender="ann@sender.example"),
    Case("SPF fail of a domain with a comment", WATCHED, NET, SPF_NO % (WATCHED, "sender.example"),
         sender="ann@sender.example (c)"),
    Case("SPF softfail", GOOD, NET, "250", sender="ann@soft.example"),
    Case("SPF fail where it is off", WATCHED, COM, "250", sender="ann@sender.example"),
    Case("SPF of the null sender is that of HELO", GOOD, NET, SPF_NO % (GOOD, "mx.helo.example"),
         sender="", helo="mx.helo.example"),
    Case("null sender", GOOD, NET, "250", sender=""),
    Case("SPF record with an error", GOOD, NET, "250", sender="ann@broken.example"),
    Case("name server with an error", GOOD, NET, "250", sender="ann@silent.example"),
    Case("forwarder that may", FORWARDER, ORG, ["250", "250"], sender="ann@sender.example",
         author="alert@bank.example"),
    # DMARC.
    Case("DMARC fail", GOOD, ORG, ["250", DMARC_NO], author="alert@bank.example"),
    Case("DMARC fail of a name below", GOOD, ORG, ["250", DMARC_NO],
         author="alert@www.bank.example"),
    Case("DMARC fail, recipient's domain with a comment", GOOD, "bob@(c)example.org",
         ["250", DMARC_NO], author="alert@bank.example"),
    Case("DMARC fail where it is off", GOOD, NET, ["250", "250"], author="alert@bank.example"),
    Case("DMARC p=none", GOOD, ORG, ["250", "250"], author="x@lax.example"),
    Case("DMARC, no record", GOOD, ORG, ["250", "250"], author="x@plain.example"),
]
