#!/usr/bin/python3
"""lists_test: what `susmilterctl import` makes of other software's lists loads and decides as the
source did, and what `susmilterctl export` writes decides as the table does.

    lists_test.py BUILD_DIRECTORY [--keep]

Postfix itself is asked where it can be: `postmap -q`.  Needs no root and no daemon.
"""
import ipaddress
import json
import pathlib
import random
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402

OPEN = 'mode = "enforce"; spf = { fail = "off"; };\n'
ACTIONS = ("OK", "REJECT", "DUNNO", "554 5.7.1 no")
TABLE = '''
trusted_networks = [ "198.51.100.64/28" ];
susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24", "!198.51.100.25",
                                              "203.0.113.7-203.0.113.99" ]; },
              { name = "trial"; networks = [ "192.0.2.0/25" ]; mode = "monitor"; } );
whitelist = ( { name = "friends"; networks = [ "198.51.100.128/27" ]; } );
blocks = ( { name = "bad"; networks = [ "10.0.0.0/8" ]; } );
'''


def ctl(servers, *words, **more):
    return subprocess.run([servers.build / "susmilterctl", *words], capture_output=True, text=True,
                          timeout=60, check=False, **more)


def decide(servers, conf, sessions):
    lines = "".join(json.dumps({"sender": "s@t.test", "recipient": "q@r.test", **s}) + "\n"
                    for s in sessions)
    done = ctl(servers, "-c", conf, "explain", "--batch", input=lines)
    return [json.loads(l) for l in done.stdout.splitlines()] or [done.stderr]


def take_over(servers, form, text, key):
    """The configuration that an administrator writes from the lists that an import makes."""
    folder = servers.dir / f"import-{len(list(servers.dir.iterdir()))}"
    folder.mkdir()
    (folder / "source").write_text(text)
    ctl(servers, "import", "--into", folder / "x", form, folder / "source")
    rules = {"whitelist": [], "block": []}
    for purpose, group in rules.items():
        networks = [p.name for p in folder.glob(f"x-{purpose}.networks")]
        names = sorted(p.name for p in folder.glob(f"x-{purpose}.*")
                       if p.suffix in (".names", ".addresses"))
        if networks:
            group.append(f'{{ name = "{purpose}-n"; wide = true; networks = '
                         f'[ "file:{networks[0]}" ]; }}')
        if names and (purpose == "block" or key == "client_name"):
            group.append(f'{{ name = "{purpose}-k"; {key} = '
                         f'[ {", ".join(chr(34) + "file:" + n + chr(34) for n in names)} ]; }}')
    conf = folder / "susmilter.conf"
    conf.write_text(OPEN + f'whitelist = ( {", ".join(rules["whitelist"])} );\n'
                    f'blocks = ( {", ".join(rules["block"])} );\n')
    return conf


def compare(checks, servers, label, form, table, sessions, key, source):
    """`source` gives the action that the source has for one session."""
    text = "".join(f"{k}\t{v}\n" for k, v in table.items())
    answers = decide(servers, take_over(servers, form, text, key), sessions)
    wrong = [(s, a) for s, a in zip(sessions, answers) if a["action"] !=
             ("reject" if source(s)[:3] in ("REJ", "554") else "accept")]
    checks.true(f"{label}: answers", len(answers) == len(sessions), answers)
    checks.true(f"{label}: as the source", not wrong, f"{wrong[:1]} of\n{text}")


def some_address(r):
    return f"10.{r.randrange(4)}.{r.randrange(8)}.{r.randrange(256)}"


def some_name(r):
    return ".".join(r.choice("abc") for _ in range(r.randrange(1, 4))) + ".test"


def some_network(r):
    return str(ipaddress.ip_network(f"{some_address(r)}/{r.choice((8, 14, 16, 20, 24, 28, 32))}",
                                    strict=False))


def postmap(path, keys):
    # The host's Postfix need not be configured.
    (path.parent / "main.cf").write_text("compatibility_level = 3.6\n")
    done = subprocess.run(["/usr/sbin/postmap", "-c", path.parent, "-q", "-", f"cidr:{path}"],
                          input="\n".join(keys) + "\n", capture_output=True, text=True, check=False)
    if "fatal" in done.stderr:
        raise RuntimeError(done.stderr)
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


def imports_cidr(checks, servers, r):
    for n in range(8):
        table = {some_network(r): r.choice(ACTIONS) for _ in range(r.randrange(1, 20))}
        path = servers.dir / f"table-{n}"
        path.write_text("".join(f"{k}\t{v}\n" for k, v in table.items()))
        clients = [some_address(r) for _ in range(100)]
        found = postmap(path, clients)
        compare(checks, servers, f"cidr {n}", "cidr", table, [{"client": c} for c in clients],
                "helo", lambda s: found.get(s["client"], ""))


def up(name):
    """What access(5) looks up for a domain: itself and what is around it."""
    while name:
        yield name
        name = name.partition(".")[2]
        yield "." + name


def imports_access(checks, servers, r):
    for n in range(8):
        table = {r.choice(("", "", ".", "x@", "y@")) + some_name(r): r.choice(ACTIONS)
                 for _ in range(r.randrange(1, 20))}
        sessions = [{"sender": f"{r.choice('xyz')}@{some_name(r)}"} for _ in range(100)]
        compare(checks, servers, f"access {n}: sender", "access", table, sessions, "sender",
                lambda s: next((table[k] for k in (s["sender"], *up(s["sender"].split("@")[1]))
                                if k in table), ""))
        names = {k: v for k, v in table.items() if "@" not in k}
        sessions = [{"client": "192.0.2.1", "client_name": some_name(r)} for _ in range(100)]
        compare(checks, servers, f"access {n}: client", "access", names, sessions, "client_name",
                lambda s: next((names[k] for k in up(s["client_name"]) if k in names), ""))


def needs(checks, servers):
    """What a whitelist cannot take as it is is said where it is written."""
    source = servers.dir / "access"
    source.write_text("From:a@x.test OK\nConnect:mx.test OK\ny.test OK\n")
    said = ctl(servers, "import", "--into", servers.dir / "needs", "sendmail", source).stderr
    checks.same("what the whitelist needs", said.splitlines()[:-1], [
        'names in the whitelist need proof = [ "spf", "client_name" ]',
        "a whitelist rule cannot use sender alone, which anyone can write: add these to unless = "
        "{ sender = [ ] } of the rule that refuses"])


def exports(checks, servers, r):
    conf = servers.dir / "export.conf"
    conf.write_text(OPEN + TABLE)
    clients = [f"{net}.{r.randrange(256)}" for _ in range(150)
               for net in ("198.51.100", "203.0.113", "192.0.2", "10.1.2")]
    answers = decide(servers, conf, [{"client": c} for c in clients])
    for family, told in (("susranges", "Unauthenticated mail not allowed from this range"),
                         ("blocks", "Mail from this network is not accepted here")):
        refused = {c for c, a in zip(clients, answers)
                   if (a["action"], a.get("family")) == ("reject", family)}
        path = servers.dir / f"{family}.cidr"
        cidr = ctl(servers, "-c", conf, "export", "cidr", "--family", family)
        path.write_text(cidr.stdout)
        found = postmap(path, clients)
        checks.same(f"export cidr, {family}", set(found) ^ refused, set())
        checks.true(f"export cidr, {family}: the reason",
                    all(told in v for v in found.values()), found)
        nft = ctl(servers, "-c", conf, "export", "nftables", "--family", family).stdout
        networks = [ipaddress.ip_network(l.strip("\t,")) for l in nft.splitlines()
                    if l.startswith("\t\t")]
        held = {c for c in clients if any(ipaddress.ip_address(c) in n for n in networks)}
        checks.same(f"export nftables, {family}", held ^ refused, set())
        checks.true("a set without networks is there, too",
                    "set susmilter_v6 {\n\ttype ipv6_addr\n\tflags interval\n}\n" in nft, nft)
        zone = ctl(servers, "-c", conf, "export", "rbldnsd", "--family", family).stdout
        checks.same(f"export rbldnsd, {family}", zone.splitlines()[1:], [
            f":127.0.0.2:{told} ($)", *(str(n) for n in networks)])


def main():
    checks = Checks("lists")
    r = random.Random(4)
    with lab.Lab(sys.argv[1], "--keep" in sys.argv) as servers:
        imports_cidr(checks, servers, r)
        imports_access(checks, servers, r)
        needs(checks, servers)
        exports(checks, servers, r)
    sys.exit(checks.summary())


main()
