"""Configurations and sessions to compare the product and the model on.

    Rules(random.Random(seed), directory, geo).write()    # directory/susmilter.conf
    for line in rules.sessions(1000): ...                 # JSON lines

Everything comes from the seed.  Names, addresses and networks are few and near each other, so
that most sessions touch several rules; networks are asked at their edges (one before the first
address, the first, the last, one behind), names with labels added and taken away.
"""
import ipaddress
import json
import subprocess
import unicodedata

DOMAINS = ["example.org", "a.example.org", "b.a.example.org", "example.net", "mail.example.net",
           "monster", "good.monster", "x.good.monster", "qq.com", "bücher.example",
           "xn--bcher-kva.example", "www.bücher.example", "com", "under_score.example",
           "our.test", "sub.our.test", "deep.sub.our.test", "other.test"]
LOCALS = ["bob", "alice", "bob+tag", "bob+tag+more", "alice+x", "postmaster", "abuse",
          "müller", "MÜLLER", "mu\u0308ller", "Müller+tag"]
JUNK = ["[192.0.2.1]", "a..b", "two words", "-", "x" * 64 + ".example.org", "ünïcode", "a@b",
        "localhost", "1.2.3.4", "u\u0308ni\u0308code", "u\u0308 x"]
PATTERNS = ["/.*bob.*/", "/[a-z]+@example\\.org/", "/mx[0-9]+\\..*/", "/\\[.*\\]/", "/<>/",
            "/.*@.*monster/", "/(alice|bob)@.*/", "/[^@]*/", "/.*\\.example/", "/a.*/", "/.*org/",
            "/müller@.*/", "/mu\u0308ller.*/", "/[üänï]+code/", "/.u\u0308.*/"]
LOGINS = ["alice", "Alice", "bob@example.org", "web.form", "form", "FORM7", "müller"]
LOGIN_PATTERNS = ["/form[0-9]*/", "/.*@example\\.org/", "/a.*/"]
FIELDS = ["Subject", "X-Bulk", "List-Id", "Date"]
VALUES = ["hello", "Re: hello", "buy now", "BUY", "=?utf-8?q?b?= =?utf-8?q?uy?= now", "müller",
          "=?utf-8?q?M=C3=BCller?=", "", "a  b"]
HEADER_PATTERNS = ["/.*buy.*/", "/re: .*/", "/müller/", "/hello/", "/a..b/", "/.*/"]
TLS = ["none", "<1.2", "<1.3"]
COUNTRIES = ["CN", "DE", "US", "FR", "BR"]
ASNS = [4134, 4812, 64500, 64501, 4200000000]
IDENTITIES = ["client_name", "helo", "sender", "from", "recipient"]
REPLIES = ["450 4.7.1 later", "550 5.1.1 No such mailbox", "554 5.7.1 %{rule} says no",
           "421 please come again"]
SPF = ["none", "pass", "pass", "fail", "fail", "neutral", "softfail", "temperror", "permerror"]
DKIM = ["none", "pass", "fail", "neutral", "temperror", "permerror"]
DMARC = ["none", "pass", "fail", "fail", "fail:quarantine", "fail:none", "temperror", "permerror",
         "temperror:reject", "temperror:quarantine", "temperror:none"]
FACTS = {"spf": ["none", "pass", "fail", "softfail", "temperror", "permerror"],
         "dkim": ["none", "pass", "fail", "neutral", "temperror", "permerror"],
         "dmarc": ["none", "pass", "fail", "temperror", "permerror"],
         "sender_domain": ["missing", "null-mx"], "from_domain": ["missing", "null-mx"],
         "reverse": ["none", "unconfirmed"],
         "helo_is": ["address", "ours", "single-label", "unresolvable"],
         "listed": ["one", "other", "authors"]}
LISTS = """dnsbls = (
  { name = "one"; zone = "one.test"; answers = [ "127.0.0.2" ]; },
  { name = "other"; zone = "other.test"; of = "sender"; answers = [ "127.0.0.2" ]; },
  { name = "authors"; zone = "authors.test"; of = "from"; answers = [ "127.0.0.2" ]; }
);
"""
ANSWERS = {"sender_domain": ["exists", "missing", "null-mx", "temperror"],
           "from_domain": ["exists", "missing", "null-mx", "temperror"],
           "reverse": ["confirmed", "none", "unconfirmed", "temperror"],
           "helo_resolves": ["yes", "no", "temperror"]}
NOW = 1_790_000_000  # 2026-09-21
V4 = int(ipaddress.ip_address("198.51.0.0"))
V6 = int(ipaddress.ip_address("2001:db8::"))


def network(rnd, low4=14, low6=34):
    """A network near all the others."""
    if rnd.random() < 0.7:
        length = rnd.choice([low4, 18, 20, 22, 24, 24, 26, 28, 30, 31, 32, 32])
        base = V4 + (rnd.getrandbits(18) if rnd.random() < 0.5 else rnd.getrandbits(10))
        return ipaddress.ip_network((base, length), strict=False)
    length = rnd.choice([low6, 40, 48, 56, 64, 64, 96, 127, 128])
    base = V6 + (rnd.getrandbits(94) if rnd.random() < 0.5 else rnd.getrandbits(3) << 64)
    return ipaddress.ip_network((base, length), strict=False)


def edges(net):
    """One before, the first, the last, one behind."""
    kind = ipaddress.IPv4Address if net.version == 4 else ipaddress.IPv6Address
    first, last = int(net.network_address), int(net.broadcast_address)
    return [kind(first - 1), kind(first), kind(last), kind(last + 1)]


class Geo:
    """A database of disjoint networks, with its text beside it for the model."""

    def __init__(self, rnd, path, layout, maker):
        self.path, self.networks = path, []
        lines = []
        while len(lines) < 40:
            net = network(rnd, 18, 40)
            if any(net.version == n.version and (net.overlaps(n) or
                   net.supernet() == n.supernet()) for n in self.networks):
                continue
            self.networks.append(net)
            asn = rnd.choice(ASNS + ["-"])
            country = rnd.choice(COUNTRIES + ["-"])
            lines.append(f"{net} {asn} {country}\n")
        text = "".join(lines)
        with open(path + ".txt", "w") as f:
            f.write(text)
        subprocess.run(["perl", maker, path, layout, "ip_version=6"], input=text, text=True,
                       check=True)


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Rules:
    """One generated configuration and sessions that suit it."""

    def __init__(self, rnd, directory, asn=None, country=None):
        self.rnd, self.directory, self.asn, self.country = rnd, directory, asn, country
        self.networks = [n for g in (asn, country) if g for n in g.networks]
        self.files = 0
        self.names = set()
        self.rule_count = 0

    # ---- entries ----

    def name(self):
        rnd = self.rnd
        name = rnd.choice(DOMAINS)
        if rnd.random() < 0.2:
            name = rnd.choice(["mx1", "www", "a"]) + "." + name
        return name

    def spelled(self, name):
        """Another spelling of the same name."""
        r = self.rnd.random()
        if r < 0.1:
            return name.upper()
        return name + "." if r < 0.15 else name

    def word(self, addresses):
        """A name entry or, for keys that take them, an address."""
        rnd = self.rnd
        if addresses and rnd.random() < 0.5:
            local = rnd.choice(LOCALS)
            form = rnd.randrange(5)
            if form == 0:
                return "<>"
            if form == 1:
                return local + "@"
            if form == 2:
                return local.split("+")[0] + "+*@" + self.spelled(self.name())
            if form == 3:
                return "@" + self.spelled(self.name())
            return local + "@" + self.spelled(self.name())
        return rnd.choice(["", "", ".", "*."]) + self.spelled(self.name())

    @staticmethod
    def canonical(word):
        word = unicodedata.normalize("NFC", word).casefold().rstrip(".").removeprefix("@")
        return word.replace("bücher", "xn--bcher-kva")

    def words(self, key):
        """In and out, none both."""
        rnd, seen, out = self.rnd, {}, []
        for i in range(rnd.randint(1, 7)):
            if key == "login":
                word = rnd.choice(LOGINS + LOGIN_PATTERNS)
            elif key != "domains" and rnd.random() < 0.15:
                word = rnd.choice(PATTERNS)
            else:
                word = self.word(key in ("sender", "from", "recipient"))
            sign = "!" if i > 0 and rnd.random() < 0.3 else ""
            if seen.setdefault(self.canonical(word), sign) == sign:
                out.append(sign + word)
        return out

    def nets(self):
        rnd, seen, out = self.rnd, {}, []
        for i in range(rnd.randint(1, 8)):
            net = network(rnd)
            sign = "!" if i > 0 and rnd.random() < 0.3 else ""
            if rnd.random() < 0.25:
                low, high = sorted((net.network_address + rnd.randrange(5),
                                    net.network_address + rnd.randrange(400)))
                pieces = list(ipaddress.summarize_address_range(low, high))
                text = f"{low}-{high}"
            else:
                pieces, text = [net], str(net)
                if net.prefixlen == net.max_prefixlen and rnd.random() < 0.5:
                    text = str(net.network_address)
            if all(seen.get(p, sign) == sign for p in pieces):
                seen.update((p, sign) for p in pieces)
                self.networks += pieces
                out.append(sign + text)
        return out

    def some(self, values):
        """A few of them; not all are in."""
        chosen = self.rnd.sample(values, self.rnd.randint(1, 3))
        return [("!" if self.rnd.random() < 0.3 else "") + str(v) for v in chosen]

    def listed(self, entries):
        """As an array, or partly as a file with the oddities that files have."""
        rnd = self.rnd
        if len(entries) == 1 or rnd.random() < 0.8:
            return "[ " + ", ".join(map(quoted, entries)) + " ]"
        self.files += 1
        end = rnd.choice(["\n", "\r\n", " # a comment\n", "\t; another\n"])
        text = rnd.choice(["", "\ufeff", "# head\n\n"]) + "".join(e + end for e in entries[1:])
        with open(f"{self.directory}/list{self.files}", "w", newline="") as f:
            f.write(text)
        return f'[ {quoted(entries[0])}, "file:list{self.files}" ]'

    # ---- rules ----

    def header_entries(self):
        rnd, out = self.rnd, []
        for _ in range(rnd.randint(1, 3)):
            name = rnd.choice(FIELDS)
            out.append(rnd.choice([name, "!" + name, f"{name}: {rnd.choice(HEADER_PATTERNS)}",
                                   f"{name.lower()}: {rnd.choice(HEADER_PATTERNS)}"]))
        return "[ " + ", ".join(map(quoted, out)) + " ]"

    def header(self):
        rnd = self.rnd
        return "\n".join(f"{rnd.choice([n, n.upper()])}: {rnd.choice(VALUES)}" for n in
                         rnd.choices(FIELDS + ["Other"], k=rnd.randint(0, 4)))

    def criteria(self, keys):
        rnd, text = self.rnd, ""
        for key in keys:
            if key in ("header", "all_headers"):
                text += f" {key} = {self.header_entries()};"
            elif key == "tls":
                text += " tls = [ " + ", ".join(
                    map(quoted, rnd.sample(TLS, rnd.randint(1, 2)))) + " ];"
            elif key == "networks":
                which = rnd.choice(["n", "n", "n", "a", "c", "na", "nac", "ac"])
                if not self.asn:
                    which = "n"
                if "n" in which:
                    text += f" networks = {self.listed(self.nets())};"
                if "a" in which:
                    text += " asn = [ " + ", ".join(map(quoted, self.some(ASNS))) + " ];"
                if "c" in which:
                    text += " country = [ " + ", ".join(map(quoted, self.some(COUNTRIES))) + " ];"
            else:
                text += f" {key} = {self.listed(self.words(key))};"
        if "domains" in keys and rnd.random() < 0.4:
            chosen = rnd.sample(IDENTITIES, rnd.randint(1, 4))
            text += " in = [ " + ", ".join(map(quoted, chosen)) + " ];"
        return text

    def facts(self, refuses=True):
        """A criterion on one fact or two.  In a whitelist none on the missing answer itself: whether
        it is known hangs on whether somebody asked."""
        rnd, text = self.rnd, ""
        for key in rnd.sample(list(FACTS), rnd.choice([1, 1, 2])):
            words = [w for w in FACTS[key] if refuses or w != "temperror"]
            words = rnd.sample(words, rnd.randint(1, min(3, len(words))))
            text += f" {key} = [ " + ", ".join(
                quoted(("!" if i > 0 and rnd.random() < 0.3 else "") + w)
                for i, w in enumerate(words)) + " ];"
        return text

    def attributes(self):
        rnd, text = self.rnd, ""
        if rnd.random() < 0.3:
            text += ' undecided = "tempfail";'
        if rnd.random() < 0.15:
            text += ' mode = "monitor";'
        if rnd.random() < 0.15:
            text += " expires = " + rnd.choice(
                ['"2026-09-20"', '"2026-09-21"', '"2027-06-30"', '"2020-01-01T00:00:00Z"']) + ";"
        if rnd.random() < 0.2:
            text += f" reply = {quoted(rnd.choice(REPLIES))};"
        return text

    def keys(self):
        rnd = self.rnd
        pool = ["networks", "networks", "domains", "header", "all_headers", "tls"] + IDENTITIES
        return sorted(set(rnd.sample(pool, rnd.choice([1, 1, 1, 2, 2, 3]))))

    def head(self):
        self.rule_count += 1
        return f'  {{ name = "r{self.rule_count}";'

    def rule(self, first=None):
        keys = sorted(set(self.keys()) | ({first} if first else set()))
        text = self.head() + self.attributes()
        more = self.facts() if self.rnd.random() < 0.3 else ""
        if not more or first or self.rnd.random() < 0.6:
            text += self.criteria(keys)
        text += more
        r = self.rnd.random()
        if r < 0.4:
            text += " unless = {" + (self.criteria(self.keys()) if r < 0.3 else "") + (
                self.facts() if r > 0.2 else "") + " };"
        return text + " }"

    def block(self):
        """Some are for authenticated sessions, where not all criteria may be used."""
        rnd = self.rnd
        if rnd.random() < 0.7:
            return self.rule()
        pool = ["login", "login", "sender", "from", "helo", "recipient", "header", "all_headers"]
        text = self.head() + self.criteria(sorted(set(rnd.sample(pool, rnd.randint(1, 2)))))
        text += self.attributes() + f' applies = "{rnd.choice(["authenticated", "both"])}";'
        if rnd.random() < 0.4:
            text += " unless = {" + self.criteria([rnd.choice(pool)]) + " };"
        return text + " }"

    def excuse(self):
        rnd = self.rnd
        by_domain = rnd.random() < 0.45
        more = [k for k in rnd.sample(["recipient", "sender", "from", "helo"], 1)
                if rnd.random() < 0.25]
        first = "domains" if by_domain else rnd.choice(["networks", "networks", "client_name"])
        text = self.head()
        if by_domain:
            text += f" domains = {self.listed(self.words('domains'))};"
            text += " proof = " + rnd.choice(
                ['"spf"', '"client_name"', '[ "spf", "client_name" ]']) + ";"
            text += self.criteria(more)
        else:
            text += self.criteria([first] + more)
        if rnd.random() < 0.5:
            chosen = rnd.sample(["susranges", "blocks", "spf", "dmarc"], rnd.randint(1, 4))
            text += " covers = [ " + ", ".join(map(quoted, chosen)) + " ];"
        if rnd.random() < 0.15:
            text += ' mode = "monitor";'
        if rnd.random() < 0.1:
            text += ' expires = "2026-09-20";'
        if rnd.random() < 0.2:
            text += self.facts(False)
        r = rnd.random()
        if r < 0.35:
            keys = [k for k in self.keys() if k not in ("header", "all_headers", "tls")]
            text += " unless = {" + (self.criteria(keys or ["helo"]) if r < 0.25 else "") + (
                self.facts(False) if r > 0.15 else "") + " };"
        return text + " }"

    def switches(self):
        """Recipient domains: half in the configuration, half in a file."""
        rnd, seen = self.rnd, set()
        groups, lines = [], []
        for _ in range(rnd.randint(0, 10)):
            name = rnd.choice(["", ".", "*."]) + self.name()
            if rnd.random() < 0.08:
                name = "*"
            if self.canonical(name) in seen:
                continue
            seen.add(self.canonical(name))
            keys = {}
            if rnd.random() < 0.4:
                keys["susranges"] = rnd.choice(["on", "off"])
            if rnd.random() < 0.4:
                keys["blocks"] = rnd.choice(["on", "off"])
            if rnd.random() < 0.5:
                keys["spf"] = rnd.choice(["reject", "unless-dkim", "monitor", "off"])
            if rnd.random() < 0.7:
                keys["dmarc"] = rnd.choice(["off", "monitor", "quarantine", "reject", "strict"])
            if rnd.random() < 0.3:
                keys["forwards"] = rnd.choice(["true", "true", "false"])
            if rnd.random() < 0.5:
                groups.append(f"  {{ name = {quoted(name)};" + "".join(
                    f" {k} = {v if k == 'forwards' else quoted(v)};"
                    for k, v in keys.items()) + " }")
            else:
                lines.append(name + "".join(f" {k}={v}" for k, v in keys.items()) + "\n")
        text = "domains = (\n" + ",\n".join(groups) + "\n);\n"
        if lines:
            with open(f"{self.directory}/domains.map", "w") as f:
                f.writelines(lines)
            text += 'domains_file = "domains.map";\n'
        return text

    def write(self):
        rnd = self.rnd
        text = 'mode = "monitor";\n' if rnd.random() < 0.1 else 'mode = "enforce";\n'
        if self.asn:
            text += (f"geo = {{ asn = {quoted(self.asn.path)};"
                     f" country = {quoted(self.country.path)}; }};\n")
        if rnd.random() < 0.5:
            nets = [network(rnd, 24, 64) for _ in range(rnd.randint(1, 2))]
            self.networks += nets
            text += "trusted_networks = [ " + ", ".join(quoted(str(n)) for n in nets) + " ];\n"
        if rnd.random() < 0.3:
            text += f"exempt_recipients = {self.listed(self.words('recipient'))};\n"
        text += (f'spf = {{ fail = "{rnd.choice(["reject", "unless-dkim", "monitor", "off"])}";'
                 f' temperror = "{rnd.choice(["accept", "tempfail"])}";'
                 f' permerror = "{rnd.choice(["accept", "reject"])}"; }};\n')
        text += ('dmarc = { default = "' +
                 rnd.choice(["off", "monitor", "quarantine", "reject", "strict"]) +
                 f'"; temperror = "{rnd.choice(["accept", "tempfail"])}";'
                 f' quarantine = "{rnd.choice(["mark", "hold"])}";'
                 f' unproven = "{rnd.choice(["tempfail", "accept"])}";'
                 f' bad_from = "{rnd.choice(["reject", "accept"])}"; }};\n')
        text += LISTS
        text += f'mixed = "{rnd.choice(["split", "split", "lenient", "strict"])}";\n'
        for section, make, most in (("whitelist", self.excuse, 6), ("blocks", self.block, 8)):
            rules = [make() for _ in range(rnd.randint(0, most))]
            text += f"{section} = (\n" + ",\n".join(rules) + "\n);\n"
        rules = [self.rule("networks") if rnd.random() < 0.8 else self.rule()
                 for _ in range(rnd.randint(1, 6))]
        text += "susranges = (\n" + ",\n".join(rules) + "\n);\n" + self.switches()
        with open(f"{self.directory}/susmilter.conf", "w") as f:
            f.write(text)

    # ---- sessions ----

    def client(self):
        rnd = self.rnd
        near = self.networks and rnd.random() < 0.8
        net = rnd.choice(self.networks) if near else network(rnd)
        ip = rnd.choice(edges(net)) if rnd.random() < 0.6 else net[rnd.randrange(
            min(net.num_addresses, 2**32))]
        if ip.version == 4 and rnd.random() < 0.05:
            return "::ffff:" + str(ip)
        return str(ip)

    def spoken(self):
        """A name as a client says it: some of the rules' own, more or less of them, or junk."""
        rnd = self.rnd
        name = self.name()
        r = rnd.random()
        if r < 0.3:
            name = rnd.choice(["mx1", "mail", "a.b", "x"]) + "." + name
        elif r < 0.4 and "." in name:
            name = name.split(".", 1)[1]
        elif r < 0.45:
            name = "x" + name
        elif r < 0.5:
            return rnd.choice(JUNK)
        return self.spelled(name)

    def mailbox(self):
        rnd = self.rnd
        local = rnd.choice(LOCALS)
        r = rnd.random()
        if r < 0.1:
            local = local.upper()
        elif r < 0.13:
            local = '"' + local + '"'
        elif r < 0.16:
            local = '"two words"'
        if rnd.random() < 0.03:
            return local + "@[192.0.2.1]"
        name = self.spoken()
        while not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            name = self.spoken()
        address = local + "@" + name
        return "<" + address + ">" if rnd.random() < 0.1 else address

    def session(self):
        rnd, s = self.rnd, {}
        if rnd.random() < 0.97:
            s["client"] = self.client()
        if rnd.random() < 0.9:
            s["client_name"] = self.spoken() if rnd.random() < 0.8 else ""
        if rnd.random() < 0.95:
            s["helo"] = self.spoken()
        if rnd.random() < 0.97:
            s["sender"] = self.mailbox() if rnd.random() < 0.9 else rnd.choice(["<>", ""])
        if rnd.random() < 0.97:
            s["recipient"] = self.mailbox() if rnd.random() < 0.95 else "postmaster"
        if rnd.random() < 0.15:
            s["auth"] = rnd.choice(LOGINS + ["joe", "xweb.form", ""])
        if rnd.random() < 0.8:
            s["tls"] = rnd.choice(["none", "1.0", "1.1", "1.2", "1.3"])
        if rnd.random() < 0.5:
            s["header"] = self.header()
        if rnd.random() < 0.6:
            s["from"] = self.author() if rnd.random() < 0.95 else ""
        for key, results in (("spf", SPF), ("dkim", DKIM), ("dmarc", DMARC)):
            if rnd.random() < 0.75:
                s[key] = rnd.choice(results)
        for key, answers in ANSWERS.items():
            if rnd.random() < 0.75:
                s[key] = rnd.choice(answers)
        if rnd.random() < 0.75:
            s["listed"] = " ".join(w + rnd.choice(["", "", ":temperror"]) for w in
                                   rnd.sample(FACTS["listed"], rnd.choice([0, 1, 1, 2])))
        if rnd.random() < 0.1:
            s["helo"] = rnd.choice(["[192.0.2.1]", "192.0.2.1", f"[{s.get('client', '')}]",
                                    "ylmf-pc", "[IPv6:2001:db8::1]",
                                    s.get("recipient", "").rpartition("@")[2]])
        s["now"] = NOW + rnd.choice([0, 0, 0, 86400 * 2, -86400 * 2, 86400 * 400])
        return s

    def message(self):
        """A session whose facts are those that a message can have, with several recipients, and the
        policy of the author's domain; nobody's SPF is aligned with it."""
        rnd, s = self.rnd, {}
        author = self.author() if rnd.random() < 0.95 else ""
        domain = self.canonical(author.rpartition("@")[2])
        s["client"] = self.client()
        s["client_name"] = self.spoken() if rnd.random() < 0.8 else ""
        s["helo"] = self.unrelated(domain, self.spoken)
        s["sender"] = "<>" if rnd.random() < 0.1 else self.unrelated(domain, self.mailbox)
        s["from"] = author
        s["recipients"] = " ".join(dict.fromkeys(
            r for r in (self.mailbox() if rnd.random() < 0.9 else "postmaster"
                        for _ in range(rnd.randint(1, 5))) if " " not in r)) or "postmaster"
        if rnd.random() < 0.15:
            s["auth"] = rnd.choice(LOGINS)
        if rnd.random() < 0.8:
            s["tls"] = rnd.choice(["none", "1.0", "1.1", "1.2", "1.3"])
        s["header"] = self.header()
        s["spf"] = rnd.choice(SPF)
        s["policy"] = rnd.choice(["none", "timeout", "reject", "reject", "quarantine"])
        s["dkim"] = rnd.choice(["none", "fail"] if s["policy"] == "timeout" else DKIM)
        s["dmarc"] = {"none": "none", "timeout": "temperror"}.get(
            s["policy"], {"pass": "pass", "temperror": "temperror:" + s["policy"]}.get(
                s["dkim"], "fail:" + s["policy"]))
        s["sender_domain"] = s["from_domain"] = "missing"
        s["reverse"], s["helo_resolves"], s["listed"] = "none", "no", ""
        s["now"] = NOW
        return s

    def unrelated(self, domain, make):
        """A name or address whose name is neither the domain nor above or below it; one that SPF
        can be asked of."""
        while True:
            text = make()
            name = self.canonical(text.strip("<>").rpartition("@")[2])
            if all(0 < len(label) < 64 for label in name.split(".")) and "[" not in text and not f".{name}".endswith(f".{domain}") and \
                    not f".{domain}".endswith(f".{name}"):
                return text

    def messages(self, count):
        for _ in range(count):
            yield json.dumps(self.message()) + "\n"

    def author(self):
        """An address that has a domain name, as a parsed From has."""
        rnd = self.rnd
        return rnd.choice(LOCALS) + "@" + rnd.choice(["", "mail.", "x."]) + self.name()

    def sessions(self, count):
        for _ in range(count):
            yield json.dumps(self.session(), ensure_ascii=self.rnd.random() < 0.5) + "\n"


# ---- the real lists ------------------------------------------------------------------------


def lines_of(path):
    with open(path, encoding="utf-8-sig") as f:
        for line in f:
            entry = line.split("#")[0].split(";")[0].strip()
            if entry:
                yield entry


def is_name(text):
    text = text.lower().removesuffix(".")
    return len(text) <= 253 and all(
        0 < len(label) <= 63 and label.isascii() and label.replace("-", "").replace("_", "")
        .isalnum() or set(label) <= set("-_") and 0 < len(label) <= 63
        for label in text.split("."))


class RealLists(Rules):
    """The lists of a real mail host, put right as the checker suggests: host bits cleared, and
    networks wider than /8 left out of the whitelist."""

    def __init__(self, rnd, directory, lists):
        super().__init__(rnd, directory)
        self.ranges = [ipaddress.ip_network(e, strict=False)
                       for e in lines_of(f"{lists}/ranges-2025-10.txt")]
        self.white = [n for e in lines_of(f"{lists}/whitelist-2025-10.txt")
                      if (n := ipaddress.ip_network(e, strict=False)).prefixlen >= 8]
        self.helo = [e for e in lines_of(f"{lists}/helo-2026-08.txt") if is_name(e)]

    def write(self):
        for name, entries in (("ranges", self.ranges), ("white", self.white), ("helo", self.helo)):
            with open(f"{self.directory}/{name}", "w") as f:
                f.writelines(f"{e}\n" for e in entries)
        with open(f"{self.directory}/susmilter.conf", "w") as f:
            f.write('mode = "enforce";\n'
                    'spf = { fail = "off"; };\n'
                    'susranges = ( { name = "ranges"; networks = [ "file:ranges" ]; } );\n'
                    'whitelist = ( { name = "white"; networks = [ "file:white" ]; } );\n'
                    'blocks = ( { name = "helo"; helo = [ "file:helo" ]; } );\n')

    def session(self):
        rnd = self.rnd
        r = rnd.random()
        if r < 0.2:
            client = str(ipaddress.IPv4Address(rnd.getrandbits(32)))
        else:
            net = rnd.choice(self.ranges if r < 0.7 else self.white)
            client = str(rnd.choice(edges(net)) if rnd.random() < 0.8 else
                         net[rnd.randrange(net.num_addresses)])
        s = {"client": client, "sender": "a@example.org", "recipient": "b@example.net"}
        if rnd.random() < 0.5:
            helo = rnd.choice(self.helo)
            r = rnd.random()
            if r < 0.2:
                helo = "mx." + helo
            elif r < 0.4 and "." in helo:
                helo = helo.split(".", 1)[1]
            elif r < 0.5:
                helo = helo.upper() + "."
            s["helo"] = helo
        return s
