#!/usr/bin/python3
"""Checks a second by pyspf, with the zone and the queries of spf_bench."""
import re
import sys
import time

import spf

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0


def read(name):
    with open('tests/bench/' + name) as file:
        return [line.strip() for line in file if line.strip() and line[0] != '#']


zone = {}
for line in read('spf.zone'):
    name, kind, data = line.split(None, 2)
    if kind == 'TXT':
        value = tuple(s.encode() for s in re.findall(r'"([^"]*)"', data))
    elif kind == 'MX':
        value = (int(data.split()[0]), data.split()[1])
    else:
        value = data
    zone.setdefault((name, kind), []).append(value)


def lookup(name, kind, strict=True, timeout=20):
    return [((name, kind), value) for value in zone.get((name.rstrip('.'), kind), [])]


spf.DNSLookup = lookup
queries = [line.split() for line in read('spf.queries')]
checks, start = 0, time.monotonic()
while time.monotonic() < start + SECONDS:
    for client, domain, wanted in queries:
        result = spf.check2(i=client, s='user@' + domain, h='mx.sender.example',
                            receiver='in.example.net')[0]
        if result != wanted:
            sys.exit('%s for %s: %s, not %s' % (client, domain, result, wanted))
        checks += 1
print('spf: pyspf %.0f/s' % (checks / (time.monotonic() - start)))
