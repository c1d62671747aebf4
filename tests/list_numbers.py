#!/usr/bin/env python3
"""list_numbers.py RANGES WHITELIST NAMES: counts what a checker should find, in its own way.

Prints "bad FILE LINE NETWORK" for lines whose host bits are set, and then, with those lines put
right and networks wider than /8 left out of the whitelist, numbers as "KEY VALUE".  Knows nothing
of the product: integers, sets and sorted intervals.
"""
import bisect
import sys


def read(path):
    """(line number, base, length) of every entry, host bits and all."""
    with open(path, encoding="utf-8-sig") as f:
        for number, line in enumerate(f, 1):
            text = line.split("#")[0].split(";")[0].strip()
            if not text:
                continue
            address, _, length = text.partition("/")
            octets = [int(o) for o in address.split(".")]
            assert len(octets) == 4 and all(0 <= o < 256 for o in octets), (path, number)
            base = int.from_bytes(bytes(octets), "big")
            yield number, base, int(length) if length else 32


def mask(length):
    return (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF


def text_of(base, length):
    return ".".join(str(b) for b in base.to_bytes(4, "big")) + f"/{length}"


def clean(path, shortest):
    """The networks that are meant, in order, those too wide left out."""
    networks = []
    for number, base, length in read(path):
        if base & ~mask(length):
            print("bad", path.rsplit("/", 1)[-1], number, text_of(base & mask(length), length))
        if length >= shortest:
            networks.append((base & mask(length), length))
    return networks


def merged(networks):
    """Disjoint intervals [first, last] in order."""
    out = []
    for first, last in sorted((b, b | ~mask(n) & 0xFFFFFFFF) for b, n in networks):
        if out and first <= out[-1][1] + 1:
            out[-1][1] = max(out[-1][1], last)
        else:
            out.append([first, last])
    return out


def size(intervals):
    return sum(last - first + 1 for first, last in intervals)


def within(intervals, union, starts):
    """True when every interval lies inside one of the union's, which begin at `starts`."""
    for first, last in intervals:
        at = bisect.bisect_right(starts, first) - 1
        if at < 0 or union[at][1] < last:
            return False
    return True


def minus(interval, holes):
    """The interval without the (merged) holes that lie in it."""
    at, last = interval
    rest = []
    for h_first, h_last in holes:
        if h_first > at:
            rest.append((at, h_first - 1))
        at = h_last + 1
    if at <= last:
        rest.append((at, last))
    return rest


def judge(networks, excused, refused):
    """Counts of one list of networks that are all in."""
    counts = {"entries": len(networks), "duplicate": 0, "covered": 0, "dead": 0, "shadowed": 0}
    unique = set(networks)
    excused_starts = [first for first, _ in excused]
    refused_starts = [first for first, _ in refused]
    counts["duplicate"] = len(networks) - len(unique)
    ordered = sorted(unique)
    wider = [(n, mask(n)) for n in sorted({n for _, n in unique})]
    for i, (base, length) in enumerate(ordered):
        if any(n < length and (base & m, n) in unique for n, m in wider):
            counts["covered"] += 1
            continue
        last = base | ~mask(length) & 0xFFFFFFFF
        inside = []
        for k in range(i + 1, len(ordered)):
            if ordered[k][0] > last:
                break
            inside.append(ordered[k])
        rest = minus((base, last), merged(inside))
        if not rest or within(rest, excused, excused_starts):
            counts["dead"] += 1
        elif within(rest, refused, refused_starts):
            counts["shadowed"] += 1
    return counts


def tell(prefix, counts):
    for key, value in counts.items():
        print(f"{prefix}_{key}", value)


def main():
    ranges_path, whitelist_path, names_path = sys.argv[1:]
    ranges = clean(ranges_path, 0)
    whitelist = clean(whitelist_path, 8)
    in_ranges, in_whitelist = merged(ranges), merged(whitelist)

    tell("ranges", judge(ranges, in_whitelist, []))
    tell("whitelist", judge(whitelist, [], []))
    # the same whitelist as a second rule of susranges, and nobody excused
    tell("again", judge(whitelist, [], in_ranges))
    print("ranges_ipv4", size(in_ranges))
    print("whitelist_ipv4", size(in_whitelist))
    print("union_ipv4", size(merged(ranges + whitelist)))

    with open(names_path, encoding="utf-8") as f:
        names = [n for n in (line.split("#")[0].strip().lower().rstrip(".") for line in f) if n]
    print("names_all", len(names))
    print("names_duplicate", len(names) - len(set(names)))


main()
