"""traffic: mixed mail over the milter protocol, without pause, as a busy host sees it.

    with Traffic(daemon) as traffic:                 # beside CONF, LISTS and ZONE
        ...
    print(traffic.sent)

Most of it is accepted; some comes from ranges that are refused, from hosts whose HELO is blocked,
from ranges on trial, from forgers by SPF, and from domains whose name servers do not answer.
"""
import itertools
import random
import threading

from miltertalk import Talk

ZONE = """
good.example   TXT "v=spf1 ip4:203.0.113.0/24 -all"
forged.example TXT "v=spf1 ip4:192.0.2.1 -all"
broken.example TXT SERVFAIL
"""

CONF = """
trusted_networks = [ ];
spf = { fail = "reject"; };
blocks = ( { name = "monster"; domains = [ ".monster" ]; in = [ "helo", "client_name" ]; } );
susranges = ( { name = "dialup"; networks = [ "file:dialup.cidr", "feed:new.cidr" ];
                comment = "dynamic addresses"; },
              { name = "hosting"; networks = [ "198.51.101.0/24", "2001:db8:66::/48" ]; },
              { name = "trial"; networks = [ "198.51.102.0/24" ]; mode = "monitor";
                expires = "2099-12-31"; } );
dmarc = { default = "reject"; };
domains = ( { name = "open.example"; susranges = "off"; } );
"""
LISTS = {"dialup.cidr": "198.51.100.0/25\n198.51.100.128/26\n",
         "new.cidr": "198.51.100.192/26\n"}

# How often, the client's address up to its last number, its HELO, the sender's domain.
KINDS = (
    (50, "203.0.113.", "mx.good.example", "good.example"),
    (20, "198.51.100.", "dsl.provider.example", "anywhere.example"),
    (10, "198.51.101.", "vps.hosting.example", "anywhere.example"),
    (2, "2001:db8:66::", "vps6.hosting.example", "anywhere.example"),
    (6, "198.51.102.", "new.provider.example", "anywhere.example"),
    (6, "192.0.2.", "mail.big.monster", "anywhere.example"),
    (4, "192.0.2.", "mx.forger.example", "forged.example"),
    (2, "192.0.2.", "mx.broken.example", "broken.example"),
)
# So many that few of their lines are one too many for a minute.
RECIPIENTS = tuple(f"user{n}@{domain}" for n in range(100) for domain in (
    "example.org", "example.org", "example.net", "open.example"))


class Traffic:
    """threads: connections at a time; pause: seconds that each stays open; messages: what is
    accepted is followed by a message."""

    def __init__(self, daemon, threads=4, pause=0.02, messages=True, seed=1):
        self.daemon, self.pause, self.messages, self.seed = daemon, pause, messages, seed
        self.sent = 0
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._play, args=(i,)) for i in range(threads)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for t in self.threads:
            t.join()

    def _play(self, number):
        choose = random.Random(self.seed * 1000 + number)
        weights = [kind[0] for kind in KINDS]
        for n in itertools.count():
            if self.ended.is_set():
                return
            _, network, helo, domain = choose.choices(KINDS, weights)[0]
            # A few clients are much busier than the others.
            host = min(int(choose.expovariate(0.2)) + 1, 190)
            try:
                self._one(f"{network}{host}", helo, f"n{n}@{domain}", choose)
            except OSError:  # the daemon ends, or is not back yet
                self.ended.wait(0.1)

    def _one(self, client, helo, sender, choose):
        with Talk("127.0.0.1", self.daemon.port) as t:
            t.connect(helo, client)
            t.helo(helo)
            t.mail(sender)
            replies = [t.rcpt(recipient) for recipient in
                       choose.sample(RECIPIENTS, choose.choice((1, 1, 1, 2)))]
            if "c" in replies and self.messages:
                self._message(t, sender)
            self.ended.wait(self.pause)
        self.sent += 1

    @staticmethod
    def _message(t, sender):
        t.header("From", f"<{sender}>")
        t.header("Subject", "Hello")
        t.end_of_headers()
        t.body(b"Hello\r\n")
        t.end()
