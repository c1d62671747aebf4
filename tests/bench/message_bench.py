#!/usr/bin/python3
"""message_bench: whole messages a second, beside opendkim and opendmarc in a chain.

    message_bench.py BUILD_DIRECTORY

Messages of 10 KB from 32 domains, signed with RSA-2048, with SPF and p=reject, all of it passing,
played to milters over unix sockets (message_bench.c) so that no MTA is in the way.  The DNS is a
local unbound that has all answers in memory; both sides may keep what they asked for.  The peers
are Debian's packages with the configuration that does the same: verify, SPF, refuse failures.

Then the same messages beside a libmilter filter that does nothing (noop_milter.c): what the whole
conversation costs in processor time, the player's own part included, so that what else the machine
does falls out of the ratio.

Then with everything off: a table that knows of SPF and DMARC and has both off for every recipient,
beside one that has nothing but ranges.
"""
import os
import pathlib
import subprocess
import sys

import dkim

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402

DNS, CLIENT = "192.0.2.53", "203.0.113.25"
CONNECTIONS = (1, 16)
# Rounds and their seconds: many short ones where a difference of a twentieth is to be seen.
CHAIN_ROUNDS, NOOP_ROUNDS, OFF_ROUNDS = (11, 0.8), (41, 0.2), (121, 0.1)
DOMAINS = 32
SIZE = 10 * 1024
CHAIN_BAR, NOOP_BAR, OFF_BAR = 2.0, 0.65, 0.95
NOOP_BAR_AT = 16  # connections

RANGES = 'susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24" ]; } );\n'
FULL = f"""
resolver = {{ servers = [ "{DNS}" ]; }};
trusted_networks = [ ];
spf = {{ fail = "reject"; }};
dmarc = {{ default = "reject"; }};
""" + RANGES
BARE = 'trusted_networks = [ ];\nspf = { fail = "off"; };\n' + RANGES
OFF = BARE + 'dmarc = { default = "off"; };\ndomains_file = "domains.map";\n'

UNBOUND = """server:
  interface: {dns}
  access-control: 0.0.0.0/0 allow
  username: ""
  chroot: ""
  directory: "{dir}"
  pidfile: "{dir}/unbound.pid"
  use-syslog: no
  logfile: "/dev/null"
  module-config: "iterator"
  do-daemonize: no
  local-zone: "." static
{data}remote-control:
  control-enable: no
"""
OPENDKIM = """Syslog no
Mode v
Socket local:{dir}/opendkim.sock
UMask 000
Background no
AuthservID mx.lab.test
Nameservers {dns}
QueryCache yes
"""
OPENDMARC = """Syslog false
Socket local:{dir}/opendmarc.sock
UMask 000
Background false
AutoRestart false
AuthservID mx.lab.test
TrustedAuthservIDs mx.lab.test
SPFSelfValidate true
SPFIgnoreResults true
RejectFailures true
"""


def write_messages(folder):
    """The messages, and the data of the zone that makes them pass."""
    private = folder / "key.pem"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", private, "2048"], check=True,
                   capture_output=True)
    public = subprocess.run(["openssl", "rsa", "-in", private, "-pubout"], check=True,
                            capture_output=True, text=True).stdout
    record = "v=DKIM1; k=rsa; p=" + "".join(public.split("\n")[1:-2])
    record = '" "'.join(record[i:i + 200] for i in range(0, len(record), 200))
    line = "The quick brown fox jumps over the lazy dog, and then it does so again.\r\n"
    records = ""
    for i in range(DOMAINS):
        name = f"d{i}.example"
        message = (f"From: Ann <a@{name}>\r\nTo: Bob <bob@example.org>\r\n"
                   f"Subject: of no importance {i}\r\nDate: Sat, 21 Nov 2026 00:00:00 +0000\r\n"
                   f"Message-ID: <{i}@{name}>\r\nMIME-Version: 1.0\r\n"
                   "Content-Type: text/plain; charset=us-ascii\r\n\r\n")
        message = (message + line * ((SIZE - len(message)) // len(line))).encode()
        signature = dkim.sign(message, b"sel", name.encode(), private.read_bytes(),
                              canonicalize=(b"relaxed", b"relaxed"),
                              include_headers=[b"from", b"to", b"subject", b"date"])
        (folder / str(i)).write_bytes(signature + message)
        records += (f"  local-data: '{name}. 3600 TXT \"v=spf1 ip4:{CLIENT} -all\"'\n"
                    f"  local-data: '_dmarc.{name}. 3600 TXT \"v=DMARC1; p=reject\"'\n"
                    f"  local-data: 'sel._domainkey.{name}. 3600 TXT \"{record}\"'\n")
    return records


def start_dns(servers, records):
    """unbound with the zone in memory."""
    folder = servers.dir
    (folder / "unbound.conf").write_text(UNBOUND.format(dir=folder, dns=DNS, data=records))
    with open(folder / "unbound.log", "ab") as log:
        servers.process(["unbound", "-d", "-c", folder / "unbound.conf"], stdout=log, stderr=log)
        lab.wait_for(lambda: lab.port_open(DNS, 53), 10, "start of unbound")


def start_chain(servers):
    """opendkim and opendmarc; the sockets of the chain."""
    folder = servers.dir
    for name, text in (("opendkim", OPENDKIM), ("opendmarc", OPENDMARC)):
        (folder / f"{name}.conf").write_text(text.format(dir=folder, dns=DNS))
    with open(folder / "peers.log", "ab") as log:
        servers.process(["opendkim", "-f", "-x", folder / "opendkim.conf"], stdout=log, stderr=log)
        servers.process(["opendmarc", "-f", "-c", folder / "opendmarc.conf"], stdout=log,
                        stderr=log)
    sockets = [folder / "opendkim.sock", folder / "opendmarc.sock"]
    for path in sockets:
        lab.wait_for(path.exists, 10, f"{path.name}: {(folder / 'peers.log').read_text()}")
    return ",".join(f"unix:{p}" for p in sockets)


class Seen:
    """What one subject did: messages a second, messages in all, the player's seconds for them."""

    def __init__(self, rate, messages, player):
        self.rate, self.messages, self.player = float(rate), int(messages), float(player)


def processor_time(pid):
    """Seconds, of user and system, of all threads of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(build, folder, connections, rounds, subjects):
    """What was seen by name; ends when one of them refused what must pass."""
    done = subprocess.run([build / "tests/bench/message_bench", str(connections),
                           *map(str, rounds), folder,
                           *(f"{n}={s}" for n, s in subjects.items())],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"message_bench: status {done.returncode}: {done.stderr}")
    seen = {}
    for line in done.stdout.splitlines():
        name, rate, refused, messages, player, field = line.split(" ", 5)
        seen[name] = Seen(rate, messages, player)
        if refused != "0":
            sys.exit(f"{name} refused {refused} messages: {field}")
        if name in ("susmilter", "chain") and "dmarc=pass" not in field:
            sys.exit(f"{name} has not evaluated DMARC: {field}")
    return seen


def compare_time(build, folder, subjects, pids):
    """Processor time a message, in µs: of the player, of the filter; the ratio of the sums."""
    held = False
    for connections in CONNECTIONS:
        before = {name: processor_time(pid) for name, pid in pids.items()}
        seen = measure(build, folder, connections, NOOP_ROUNDS, subjects)
        cost = {}
        for name, pid in pids.items():
            spent = (processor_time(pid) - before[name], seen[name].player)
            cost[name] = [s * 1e6 / seen[name].messages for s in spent]
            print(f"{connections:>11} {name:>11}: {cost[name][0]:6.1f} µs and "
                  f"{cost[name][1]:6.1f} of the player; {seen[name].rate:,.0f} messages/s")
        ratio = sum(cost["noop"]) / sum(cost["susmilter"])
        print(f"{'':>11} ratio {ratio:.2f}")
        if connections == NOOP_BAR_AT:
            held = ratio >= NOOP_BAR
    print(f"at {NOOP_BAR_AT} connections, floor {NOOP_BAR}: {'held' if held else 'MISSED'}\n")
    return held


def compare(build, folder, rounds, subjects, bar):
    """A table; the worst ratio of the first to the second."""
    names, worst = list(subjects), 1e9
    print(f"{'connections':>11}" + "".join(f"{n + '/s':>13}" for n in names) + "   ratio")
    for connections in CONNECTIONS:
        seen = measure(build, folder, connections, rounds, subjects)
        rates = {name: seen[name].rate for name in names}
        ratio = rates[names[0]] / rates[names[1]]
        worst = min(worst, ratio)
        print(f"{connections:>11}" + "".join(f"{rates[n]:>13,.0f}" for n in names) +
              f"   {ratio:.2f}")
    print(f"worst {worst:.2f}, floor {bar}: {'held' if worst >= bar else 'MISSED'}\n")
    return worst >= bar


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    island.enter("message_bench", [DNS], {})
    island.cover("/etc/resolv.conf", f"nameserver {DNS}\n")
    with lab.Lab(build) as servers:
        folder = servers.dir / "messages"
        folder.mkdir()
        start_dns(servers, write_messages(folder))
        chain = start_chain(servers)
        domains = "".join(f"r{i}.example spf=off dmarc=off\n" for i in range(1000))
        spec = {name: f"unix:{servers.dir}/{name}.sock" for name in ("susmilter", "off", "bare")}
        daemons = {name: servers.daemon(conf, {"domains.map": domains}, name=f"daemon-{name}",
                                        socket_spec=spec[name])
                   for name, conf in (("susmilter", FULL), ("off", OFF), ("bare", BARE))}
        noop = servers.process([build / "tests/bench/noop_milter", f"unix:{servers.dir}/noop.sock",
                                "message"])
        lab.wait_for((servers.dir / "noop.sock").exists, 10, "start of the noop filter")
        print(f"messages of {SIZE} bytes, RSA-2048, SPF and DMARC pass, DNS in memory; "
              f"{CHAIN_ROUNDS[0]} rounds of {CHAIN_ROUNDS[1]} s")
        held = compare(build, folder, CHAIN_ROUNDS,
                       {"susmilter": spec["susmilter"], "chain": chain}, CHAIN_BAR)
        print(f"beside a filter that does nothing, in processor time a message; {NOOP_ROUNDS[0]} "
              f"rounds of {NOOP_ROUNDS[1]} s")
        held &= compare_time(build, folder,
                             {"susmilter": spec["susmilter"],
                              "noop": f"unix:{servers.dir}/noop.sock"},
                             {"susmilter": daemons["susmilter"].worker(), "noop": noop.pid})
        print(f"everything off, beside a table of ranges alone; {OFF_ROUNDS[0]} rounds of "
              f"{OFF_ROUNDS[1]} s")
        held &= compare(build, folder, OFF_ROUNDS, {"off": spec["off"], "bare": spec["bare"]},
                        OFF_BAR)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
