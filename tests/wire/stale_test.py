#!/usr/bin/python3
"""stale_test: `stale` finds exactly the entries that this script finds by itself.

    stale_test.py BUILD_DIRECTORY [--keep] [--seed N] [--sessions N]

Rules with entries of every kind, and traffic over them, are made up; where the published lists are
($SHARED/data/lists), these with traffic of their own, too.  What the script knows of the entries it
has from susmilter-lists(5): of one key the most specific one that fits decides.
"""
import bisect
import ipaddress
import json
import os
import pathlib
import random
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
import not_run  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

NAME = re.compile(r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")

# ---- rules: what an entry is, and which one decides ------------------------------------------------


class Networks:
    """networks: the longest prefix; a range is its networks."""

    def __init__(self, entries):
        self.at = {}  # (version, length, number) → entries
        for text, where in entries:
            for net in self.networks_of(text.lstrip("!")):
                self.at.setdefault((net.version, net.prefixlen, int(net.network_address)),
                                   []).append((text, where))
        self.lengths = {v: sorted({l for (w, l, _) in self.at if w == v}, reverse=True)
                        for v in (4, 6)}

    @staticmethod
    def networks_of(text):
        if "-" in text:
            return list(ipaddress.summarize_address_range(
                *(ipaddress.ip_address(a) for a in text.split("-"))))
        return [ipaddress.ip_network(text)]

    def decide(self, address):
        bits, number = address.max_prefixlen, int(address)
        for length in self.lengths[address.version]:
            key = (address.version, length, number >> (bits - length) << (bits - length))
            if key in self.at:
                return self.at[key]
        return []


class Names:
    """Every other key, by the order of precedence that the manual has."""

    def __init__(self, entries):
        self.at, self.patterns = {}, []
        for text, where in entries:
            plain = text.lstrip("!")
            if plain.startswith("/"):
                self.patterns.append((re.compile(plain[1:-1], re.I), text, where))
            else:
                self.at.setdefault(plain.removeprefix("@") if plain != "<>" else plain,
                                   []).append((text, where))

    def tries(self, value):
        local, at, domain = value.rpartition("@")
        if value == "<>":
            return ["<>"]
        found = []
        if at:
            found.append(value)
            if "+" in local:
                found.append(local.split("+")[0] + "+*@" + domain)
        labels = domain.split(".")
        for i in range(len(labels)):
            name = ".".join(labels[i:])
            found += [name] if i == 0 else ["*." + name]
            found.append("." + name)
        if at:
            found.append(local + "@")
        return found

    def decide(self, value):
        for key in self.tries(value):
            if key in self.at:
                return self.at[key]
        fit = [(text, where) for pattern, text, where in self.patterns if pattern.fullmatch(value)]
        return [e for e in fit if e[0].startswith("!")] or fit


IDENTITIES = ("client_name", "helo", "sender", "recipient")


class Rule:
    def __init__(self, family, name, keys, unless=None, **attributes):
        self.family, self.name, self.attributes = family, name, attributes
        self.keys = {("", k): e for k, e in keys.items()}
        self.keys |= {("unless.", k): e for k, e in (unless or {}).items()}
        self.deciders = {}

    def prepare(self):
        self.deciders = {k: (Networks if k[1] == "networks" else Names)(e)
                         for k, e in self.keys.items()}

    def used_by(self, values):
        """The (key, where) of all entries that decide one of these {identity: set of values}."""
        used = set()
        for (prefix, key), decider in self.deciders.items():
            looks = {"networks": ("client",), "domains": tuple(
                i for i in IDENTITIES if i != "recipient")}.get(key, (key,))
            if key == "domains" and self.family == "whitelist" and not prefix:
                looks = ("sender", "client_name")  # what proof looks at
            for identity in looks:
                for value in values[identity]:
                    if key == "domains":
                        value = value.rpartition("@")[2]
                    used |= {(prefix + key, where) for _, where in decider.decide(value)}
        return used


def written(rules, directory):
    """The configuration; every list has a file of its own, and every entry its place there."""
    sections = {}
    for r in rules:
        groups = {"": [], "unless.": []}
        for (prefix, key), entries in r.keys.items():
            path = directory / f"{r.name}.{prefix}{key}"
            path.write_text("".join(e + "\n" for e in entries))
            r.keys[prefix, key] = [(e, (str(path), i + 1)) for i, e in enumerate(entries)]
            groups[prefix].append(f'{key} = [ "file:{path}" ];')
        if groups["unless."]:
            groups[""].append("unless = { " + " ".join(groups["unless."]) + " };")
        attributes = [f"{k} = {v};" for k, v in r.attributes.items()]
        sections.setdefault(r.family, []).append(
            f'{{ name = "{r.name}"; ' + " ".join(attributes + groups[""]) + " }")
        r.prepare()
    return "".join(f"{family} = ( {', '.join(groups)} );\n" for family, groups in sections.items())


# ---- what nobody needs -----------------------------------------------------------------------------


def intervals(rules, family):
    """What its rules hold, as disjoint intervals by version: of each address the entry that decides
    is looked at, between two borders."""
    found = {4: [], 6: []}
    for r in rules:
        decider = r.deciders.get(("", "networks"))
        if r.family != family or not decider:
            continue
        nets = sorted((v, n, l) for v, l, n in decider.at)
        for version in (4, 6):
            bits = 32 if version == 4 else 128
            make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
            borders = sorted({b for v, n, l in nets if v == version
                              for b in (n, n + (1 << (bits - l)))})
            for a, b in zip(borders, borders[1:]):
                deciding = decider.decide(make(a))
                if deciding and not deciding[0][0].startswith("!"):
                    found[version].append((a, b - 1))
    return {v: sorted(i) for v, i in found.items()}


def unneeded_in(rules):
    held = {family: intervals(rules, family) for family in ("blocks", "susranges")}
    ends = {f: {v: [max(e for _, e in i[:n + 1]) for n in range(len(i))] if len(i) < 5000
                else running(i) for v, i in by.items()} for f, by in held.items()}
    found = set()
    for r in rules:
        if r.family != "whitelist":
            continue
        covers = re.findall(r'"(\w+)"', r.attributes.get("covers", '"susranges" "blocks"'))
        for text, where in r.keys.get(("", "networks"), []):
            if text.startswith("!"):
                continue
            nets = Networks.networks_of(text)
            version = nets[0].version
            first, last = int(nets[0][0]), int(nets[-1][-1])
            if not any(touches(held[f][version], ends[f][version], first, last)
                       for f in covers if f in held):
                found.add(("networks", where))
    return found


def running(sorted_intervals):
    high, out = -1, []
    for _, e in sorted_intervals:
        high = max(high, e)
        out.append(high)
    return out


def touches(sorted_intervals, ends, first, last):
    """Whether one that begins at `last` or before ends at `first` or behind it."""
    n = bisect.bisect_right(sorted_intervals, (last, 1 << 129))
    return n > 0 and ends[n - 1] >= first


# ---- the same question twice -----------------------------------------------------------------------


def send(daemon, sessions):
    for client, name, helo, sender, recipient in sessions:
        with Talk("127.0.0.1", daemon.port) as t:
            t.connect(name or f"[{client}]", str(client))
            t.helo(helo)
            if t.mail(sender.strip("<>")) == "c":  # a trusted client is let in there
                t.rcpt(recipient)


def values_of(sessions):
    return {"client": {s[0] for s in sessions}, "client_name": {s[1] for s in sessions if s[1]},
            "helo": {s[2] for s in sessions}, "sender": {s[3] for s in sessions},
            "recipient": {s[4] for s in sessions}}


def compare(checks, daemon, rules, sessions, label):
    send(daemon, sessions)
    start = time.monotonic()
    done = daemon.ctl("stale", "--json", seconds=600)
    took = time.monotonic() - start
    checks.same(f"{label}: exit status: the history is too young", done.returncode, 3)
    told = [e for e in json.loads(done.stdout) if e["rule"] in {r.name for r in rules}]
    values = values_of(sessions)
    want = {}
    for r in rules:
        used = r.used_by(values)
        for (prefix, key), entries in r.keys.items():
            want |= {(r.name, prefix + key, where): "unused" for _, where in entries
                     if (prefix + key, where) not in used}
    needless = unneeded_in(rules)
    for r in rules:
        for text, where in r.keys.get(("", "networks"), []):
            if ("networks", where) in needless:
                key = (r.name, "networks", where)
                want[key] = "both" if key in want else "unneeded"
    have = {(e["rule"], ("unless." if e["unless"] else "") + e["key"], (e["file"], e["line"])):
            "both" if e["unused"] and e["unneeded"] else "unused" if e["unused"] else "unneeded"
            for e in told}
    entries = sum(len(e) for r in rules for e in r.keys.values())
    wrong = sorted((k, want.get(k), have.get(k)) for k in want.keys() | have.keys()
                   if want.get(k) != have.get(k))
    checks.same(f"{label}: every entry as the script has it", wrong[:10], [])
    checks.true(f"{label}: some are used, some are not", 0 < len(want) < entries, len(want))
    print(f"stale: {label}: {len(want)} of {entries} entries "
          f"({sum(k != 'unused' for k in want.values())} unneeded), {len(sessions)} sessions, "
          f"{took:.2f} s")


# ---- made up ---------------------------------------------------------------------------------------


class MadeUp:
    """A small world, so that entries and traffic meet."""
    LABELS = ["a", "b", "mx", "mail"]
    TOPS = ["one.example", "two.example", "three.test"]
    LOCALS = ["joe", "ann", "joe+x", "bob+y"]

    def __init__(self, seed):
        self.r = random.Random(seed)

    def network(self):
        r = self.r
        if r.random() < 0.2:
            return f"2001:db8:{r.randrange(4):x}::/{48}" if r.random() < 0.5 else \
                f"2001:db8:{r.randrange(4):x}:{r.randrange(4):x}::/{64}"
        base = 0x0a000000 | r.randrange(1 << 12)
        if r.random() < 0.15:
            return f"{ipaddress.ip_address(base)}-{ipaddress.ip_address(base + r.randrange(1, 40))}"
        length = r.randrange(21, 33)
        return str(ipaddress.ip_network((base >> (32 - length) << (32 - length), length)))

    def network_of_whitelist(self):
        """Some where no rule is."""
        return self.network() if self.r.random() < 0.7 else f"172.16.{self.r.randrange(99)}.0/24"

    def name(self):
        r = self.r
        return ".".join(r.choice(self.LABELS) for _ in range(r.randrange(3))) + \
            r.choice(["", "."]) + r.choice(self.TOPS)

    def plain_name(self):
        return self.name().lstrip(".").replace("..", ".")

    def name_entry(self):
        name = self.plain_name()
        return self.r.choice(["", ".", "*."]) + name

    def pattern(self):
        return self.r.choice([f"/^{l}\\..*/" for l in self.LABELS] +
                             ["/joe@.*/", "/.*two.*/", "/.*x@.*/"])

    def address_entry(self):
        r = self.r
        local = r.choice(self.LOCALS)
        return r.choice([f"{local}@{self.plain_name()}",
                         f"{local.split('+')[0]}+*@{self.plain_name()}", f"{local}@",
                         "@" + self.plain_name(), "<>", self.name_entry()])

    def entries(self, make, n, patterns=False):
        """Without the same one both in and out."""
        found = {}
        for _ in range(n):
            text = self.pattern() if patterns and self.r.random() < 0.15 else make()
            found.setdefault(text, self.r.choice(["", "", "", "!"]))
        # Names that differ by their @ are the same.
        seen, out = set(), []
        for text, sign in found.items():
            if text.lstrip("@") not in seen:
                seen.add(text.lstrip("@"))
                out.append(sign + text)
        return self.without_contradictions(out) or [make()]

    @staticmethod
    def without_contradictions(entries):
        """Ranges and networks may hold the same network."""
        signs, out = {}, []
        for e in entries:
            plain = e.lstrip("!")
            if not re.match(r"[0-9a-f:.]+[-/]", plain):
                out.append(e)
                continue
            nets = Networks.networks_of(plain)
            if all(signs.get(n, e[0] == "!") == (e[0] == "!") for n in nets):
                signs |= {n: e[0] == "!" for n in nets}
                out.append(e)
        return out

    def rules(self):
        e = self.entries
        return [
            Rule("whitelist", "w-net", {"networks": e(self.network_of_whitelist, 20)}, covers='[ "susranges" ]'),
            Rule("whitelist", "w-both", {"networks": e(self.network_of_whitelist, 20)}),
            Rule("whitelist", "w-name", {"domains": e(self.name_entry, 12)},
                 proof='[ "spf", "client_name" ]'),
            Rule("blocks", "b-helo", {"helo": e(self.name_entry, 20, True)},
                 {"sender": e(self.address_entry, 10, True)}),
            Rule("blocks", "b-sender", {"sender": e(self.address_entry, 25, True)}),
            Rule("blocks", "b-rcpt", {"recipient": e(self.address_entry, 15),
                                      "networks": e(self.network, 5)}),
            Rule("blocks", "b-domains", {"domains": e(self.name_entry, 15)}),
            Rule("susranges", "s-one", {"networks": e(self.network, 30)},
                 {"client_name": e(self.name_entry, 6, True)}),
            Rule("susranges", "s-two", {"networks": e(self.network, 20)}, mode='"monitor"'),
        ]

    def address(self):
        r = self.r
        if r.random() < 0.2:
            return ipaddress.ip_address(f"2001:db8:{r.randrange(5):x}:{r.randrange(5):x}::"
                                        f"{r.randrange(1, 9)}")
        return ipaddress.ip_address(0x0a000000 | r.randrange(1 << 12))

    def mailbox(self):
        return f"{self.r.choice(self.LOCALS)}@{self.plain_name()}"

    def session(self):
        r = self.r
        return (self.address(), self.plain_name() if r.random() < 0.6 else None, self.plain_name(),
                self.mailbox() if r.random() < 0.9 else "<>", self.mailbox())


CONF = ('trusted_networks = [ "192.0.2.0/24" ];\nexempt_recipients = [ "postmaster@" ];\n'
        'spf = { fail = "off"; };\nmanaged_whitelist = "managed";\n'
        'history = { directory = "%s"; min_free = 0; per_network_minute = 1000000; };\n')


def made_up(checks, servers, seed, count):
    world = MadeUp(seed)
    rules = world.rules()
    directory = servers.dir / "made-up-lists"
    directory.mkdir()
    conf = CONF % (servers.dir / "made-up-history") + written(rules, directory)
    daemon = servers.daemon(conf, {}, name="made-up")
    compare(checks, daemon, rules, [world.session() for _ in range(count)], f"seed {seed}")
    return daemon


# ---- what is not traffic, managed entries, folded rows ---------------------------------------------


def by_hand(checks, servers):
    directory = servers.dir / "hand-history"
    daemon = servers.daemon(CONF.replace("1000000", "5") % directory + '''
susranges = ( { name = "s"; networks = [ "10.0.0.0/8", "192.0.2.0/25", "198.51.100.0/24",
                                         "203.0.113.0/24" ]; } );
blocks = ( { name = "old"; helo = [ "h.example" ]; expires = "2020-01-01"; },
           { name = "b"; helo = [ "h.example", "g.example" ]; } );
''', {"managed": "10.1.0.0/16 # owner=x\n10.2.0.0/16\n172.16.0.0/24\n"}, name="hand")

    def stale(*words):
        done = daemon.ctl("stale", "--json", *words)
        return done, {(e["rule"], e["entry"]): (e["unused"], e["unneeded"])
                      for e in json.loads(done.stdout)}
    done, _ = stale()
    checks.true("an empty history", done.returncode == 3 and "the history is empty" in done.stderr,
                done)
    box = ("u@one.example", "v@two.example")
    send(daemon, [("10.1.2.3", None, "x.example", *box), ("192.0.2.7", None, "h.example", *box)])
    # A flood of one network: rows of its own for five, and one that stands for the rest.
    send(daemon, [(f"198.51.100.{i}", None, "g.example", *box) for i in range(1, 40)])
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("[203.0.113.5]", "203.0.113.5")
        t.helo("h.example")
        t.mail("u@one.example", auth_authen="u")
    done, found = stale("--days", "1")
    checks.same("found by hand", found, {
        ("s", "192.0.2.0/25"): (True, False),  # its clients are trusted
        ("s", "203.0.113.0/24"): (True, False),  # its client was authenticated
        ("managed", "10.2.0.0/16"): (True, False), ("managed", "172.16.0.0/24"): (True, True),
        ("old", "h.example"): (True, False), ("b", "h.example"): (True, False),
        ("exempt_recipients", "postmaster@"): (True, False)})
    checks.true("what is not in rows of their own is told",
                re.search(r"[1-9][0-9.]* % of the decisions share a row", done.stderr)
                and "were dropped" in done.stderr, done.stderr)
    said = daemon.ctl("stale")
    checks.true("as text", "susranges s networks 203.0.113.0/24 (" in said.stdout
                and "): decided nothing\n" in said.stdout and said.returncode == 3
                and "decided nothing; no rule refuses its addresses" in said.stdout, said.stdout)
    copy = daemon.ctl("stale", "--json", "--history", str(directory))
    checks.same("from a directory", len(json.loads(copy.stdout)), len(found))
    old = HERE.parent / "unit/edge/history/format-1"
    done = daemon.ctl("stale", "--history", str(old), "--days", "20")
    checks.true("a history that reaches far enough", done.returncode == 0
                and "the history reaches back to 2026-11-01T" in done.stdout
                and "not far enough" not in done.stdout, done)
    for argv in (("--days", "0"), ("--days", "x")):
        checks.same(f"usage: {argv}", daemon.ctl("stale", *argv).returncode, 2)
    daemon.configure('spf = { fail = "off"; };\n')
    daemon.reload()
    done = daemon.ctl("stale")
    checks.true("no history", done.returncode == 1 and "history.directory" in done.stderr, done)


# ---- the published lists ---------------------------------------------------------------------------


def real(checks, servers, count):
    lists = lab.TOP / os.environ.get("SHARED", "../shared") / "data/lists"
    if count == 0:
        return
    if not lists.is_dir():
        not_run.note("stale: the published lists", lists)
        return

    def lines(name):
        return [w for l in (lists / name).read_text(errors="replace").splitlines()
                if (w := l.split("#")[0].strip().lower())]

    def networks(name):
        found = (ipaddress.ip_network(w, strict=False) for w in lines(name)
                 if re.fullmatch(r"[0-9./]+", w))
        return [str(n) for n in found if n.prefixlen >= 8]
    wide = {"wide": "true"}
    rules = [Rule("whitelist", "partners", {"networks": networks("whitelist-2025-10.txt")}),
             Rule("blocks", "helo-list", {"helo": [n for n in lines("helo-2026-08.txt")
                                                   if NAME.fullmatch(n) and "." in n
                                                   and len(n) < 250]}, **wide),
             Rule("susranges", "ranges", {"networks": networks("ranges-2025-10.txt")})]
    directory = servers.dir / "real-lists"
    directory.mkdir()
    conf = CONF % (servers.dir / "real-history") + written(rules, directory)
    daemon = servers.daemon(conf, {}, name="real")
    r = random.Random(7)
    pools = [[e for e, _ in rule.keys["", "networks"]] for rule in (rules[2], rules[0])]
    helos = [e for e, _ in rules[1].keys["", "helo"]]

    def session():
        pool = r.choice(pools)
        client = ipaddress.ip_address(r.randrange(1 << 24, 223 << 24)) if r.random() < 0.3 else \
            (n := ipaddress.ip_network(r.choice(pool)))[r.randrange(n.num_addresses)]
        helo = r.choice(helos) if r.random() < 0.5 else f"mx{r.randrange(999)}.example.org"
        return client, None, helo, f"u{r.randrange(500)}@one.example", f"v{r.randrange(50)}@two.example"
    compare(checks, daemon, rules, [session() for _ in range(count)], "published lists")


def option(name, fallback):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else fallback


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("stale")
    seed = option("--seed", 1)
    with lab.Lab(build, keep) as servers:
        by_hand(checks, servers)
        daemon = made_up(checks, servers, seed, 250)
        daemon.stop()
        real(checks, servers, option("--sessions", 1500))
    sys.exit(checks.summary())


main()
