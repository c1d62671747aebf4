#!/usr/bin/python3
"""dnsserver: the DNS of a test on loopback, UDP and TCP, from the zone file of zone.h.

    dnsserver.py [--listen ADDRESS] [--port PORT] ZONEFILE

It prints `port N` once it answers, and ends with the process that started it (or on SIGTERM).
SIGHUP reads the file again and prints `reloaded`; a broken file is told on stderr, and the old
zone stays.  Lines are `NAME TYPE DATA` as zone.h describes them.  What only a wire can show is
said by more words in the place of DATA; TYPE may be ANY, and NS is one too:

    REFUSED      that rcode; SERVFAIL too, and BOGUS: what a validating forwarder makes of it
    TIMEOUT      never an answer, not by TCP either
    GARBAGE      an answer that ends in the middle of a record
    SLOW=MS      the answer comes that much later, to all  } these four go with records
    TRUNCATE     nothing but the TC bit by UDP, all by TCP }
    TTL=SECONDS  instead of 300                            }
    SECURE       nothing: there are no signatures here     }
    \\# LEN HEX   any bytes as the record's data (RFC 3597)

`questions.count. TXT` answers how many questions came so far, retransmissions included, and
`NAME.questions.count. TXT` how many of them were for NAME; these are not counted themselves.
"""
import argparse
import collections
import ctypes
import heapq
import ipaddress
import os
import re
import selectors
import signal
import socket
import struct
import sys
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "ANY": 255}
CNAME, TXT, ANY, SOA, OPT = 5, 16, 255, 6, 41
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
RCODES = {"SERVFAIL": SERVFAIL, "BOGUS": SERVFAIL, "REFUSED": REFUSED, "NXDOMAIN": NXDOMAIN,
          "NODATA": NOERROR}
SILENT, BROKEN = "TIMEOUT", "GARBAGE"
DEFAULT_TTL = 300
CNAMES_MAX = 8
COUNT = (b"questions", b"count")


def unescape(text):
    """The bytes of a name or string in which \\DDD and \\C stand for one byte, as a list of
    (byte, escaped)."""
    for match in re.finditer(r"\\(\d{3})|\\(\D)|([^\\])", text, re.S):
        if match[1]:
            yield int(match[1]), True
        else:
            for byte in (match[2] or match[3]).encode("utf-8", "surrogateescape"):
                yield byte, match[2] is not None


def labels_of(text):
    """A name as a tuple of lower-case labels; an escaped dot belongs to its label."""
    labels, label = [], bytearray()
    for byte, escaped in unescape(text):
        if byte == ord(".") and not escaped:
            labels.append(bytes(label))
            label = bytearray()
        else:
            label.append(byte)
    if label:
        labels.append(bytes(label))
    return tuple(part.lower() for part in labels if part)


def pack_name(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def strings_of(data):
    """The quoted or bare strings of a TXT, each cut into pieces of 255."""
    wire = b""
    for match in re.finditer(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)', data, re.S):
        quoted = match[1] if match[1] is not None else match[2]
        text = bytes(byte for byte, _ in unescape(quoted))
        for at in range(0, max(len(text), 1), 255):
            wire += bytes([len(text[at:at + 255])]) + text[at:at + 255]
    return wire


def rdata_of(kind, data):
    if data.startswith("\\#"):
        return bytes.fromhex("".join(data.split()[2:]))
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(data).packed
    if kind == "TXT":
        return strings_of(data)
    if kind == "MX":
        preference, host = data.split()
        return struct.pack("!H", int(preference)) + pack_name(labels_of(host))
    return pack_name(labels_of(data))


class Zone:
    """names → records, what a type answers instead, and how an answer is to be sent."""

    def __init__(self, path):
        self.names = set()
        self.records = collections.defaultdict(list)  # (name, type) → rdata
        self.instead = {}  # (name, type) → rcode, SILENT or BROKEN
        self.manner = collections.defaultdict(dict)  # (name, type) → SLOW, TRUNCATE, TTL
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file, 1):
                line = line.strip()
                if line and line[0] not in "#;":
                    try:
                        self.add(*line.split(None, 2))
                    except (ValueError, KeyError, TypeError) as error:
                        raise SystemExit(f"{path}:{number}: {error!r}: {line}") from error

    def add(self, owner, kind, data):
        if kind == "PTR" and re.fullmatch(r"[0-9.]+|[0-9a-fA-F:.]+:[0-9a-fA-F:.]*", owner):
            owner = ipaddress.ip_address(owner).reverse_pointer
        name, word = labels_of(owner), data.partition("=")
        key = (name, TYPES[kind])
        self.names.update(name[at:] for at in range(len(name) + 1))
        if data in RCODES:
            self.instead[key] = RCODES[data]
        elif data in (SILENT, BROKEN):
            self.instead[key] = data
        elif word[0] in ("SLOW", "TTL", "TRUNCATE"):
            self.manner[key][word[0]] = int(word[2] or 1)
        elif kind != "ANY":
            self.records[key].append(rdata_of(kind, data))
        elif data != "SECURE":
            raise ValueError("ANY takes a status")

    def how(self, name, kind, word, default):
        return self.manner[name, kind].get(word, self.manner[name, ANY].get(word, default))

    def answer(self, name, kind):
        """(rcode, SILENT or BROKEN; the records (owner, type, ttl, rdata))."""
        found = []
        for _ in range(CNAMES_MAX + 1):
            ttl = self.how(name, kind, "TTL", DEFAULT_TTL)
            if name not in self.names:
                return NXDOMAIN, found
            if (name, kind) in self.instead:
                return self.instead[name, kind], found
            if (name, kind) in self.records:
                found += [(name, kind, ttl, rdata) for rdata in self.records[name, kind]]
                return NOERROR, found
            if (name, CNAME) not in self.records:
                return self.instead.get((name, ANY), NOERROR), found
            target = self.records[name, CNAME][0]
            found.append((name, CNAME, ttl, target))
            name = split_name(target, 0)[0]
        return SERVFAIL, []


def split_name(packet, at):
    """The labels at an offset, without compression, and the offset behind them."""
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].lower())
        at += 1 + packet[at]
    return tuple(labels), at + 1


class Question:
    def __init__(self, packet):
        self.id, self.flags = struct.unpack_from("!HH", packet)
        self.name, end = split_name(packet, 12)
        self.kind = struct.unpack_from("!H", packet, end)[0]
        self.text = packet[12:end + 4]
        self.size = 512
        self.edns = packet[end + 4:end + 7] == b"\0" + struct.pack("!H", OPT)
        if self.edns:
            self.size = max(512, struct.unpack_from("!H", packet, end + 7)[0])

    def reply(self, rcode, records, truncated=False):
        authority = b""
        if not records and rcode in (NOERROR, NXDOMAIN):
            soa = pack_name((b"ns",)) * 2 + struct.pack("!5L", 1, 3600, 600, 86400, 60)
            authority = b"\0" + struct.pack("!HHLH", SOA, 1, 60, len(soa)) + soa
        flags = 0x8480 | (self.flags & 0x0100) | (0x0200 if truncated else 0) | rcode
        packet = struct.pack("!6H", self.id, flags, 1, len(records), bool(authority), self.edns)
        packet += self.text
        for owner, kind, ttl, rdata in records:
            packet += pack_name(owner) + struct.pack("!HHLH", kind, 1, ttl, len(rdata)) + rdata
        packet += authority
        if self.edns:
            packet += b"\0" + struct.pack("!HHLH", OPT, 1232, 0, 0)
        return packet

    def garbage(self):
        record = b"\xc0\x0c" + struct.pack("!HHLH", self.kind, 1, 300, 200) + b"end"
        return struct.pack("!6H", self.id, 0x8580, 1, 1, 0, 0) + self.text + record


class Server:
    def __init__(self, path, address, port):
        self.path, self.zone = path, Zone(path)
        self.asked, self.total = collections.Counter(), 0
        self.later, self.serial = [], 0  # heap of (when, serial, send, packet)
        self.due = {}  # (name, type) of what is slow → when
        self.loop = selectors.DefaultSelector()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for _ in range(50):  # the port that UDP got may be taken for TCP: then another
            self.udp, tcp = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family)
            self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.udp.bind(socket.getaddrinfo(address, port, family)[0][4])
            try:
                port_got = self.udp.getsockname()[1]
                tcp.bind(socket.getaddrinfo(address, port_got, family)[0][4])
                break
            except OSError:
                self.udp.close()
                tcp.close()
        tcp.listen(256)
        self.loop.register(self.udp, selectors.EVENT_READ, self.from_udp)
        self.loop.register(tcp, selectors.EVENT_READ, lambda: self.accept(tcp))

    def reload(self, *_):
        try:
            self.zone = Zone(self.path)
        except SystemExit as error:
            print(error, file=sys.stderr)
        print("reloaded", flush=True)

    def serve(self, packet, send, by_udp):
        """Answers one question through `send`, now or later."""
        try:
            question = Question(packet)
        except (struct.error, IndexError):
            return
        name, kind = question.name, question.kind
        if name[-2:] == COUNT:
            number = str(self.asked[name[:-2]] if name[:-2] else self.total).encode()
            send(question.reply(NOERROR, [(name, TXT, 0, bytes([len(number)]) + number)]))
            return
        self.total += 1
        self.asked[name] += 1
        rcode, records = self.zone.answer(name, kind)
        if rcode == SILENT:
            return
        if rcode == BROKEN:
            reply = question.garbage()
        else:
            reply = question.reply(rcode, records)
            cut = self.zone.how(name, kind, "TRUNCATE", 0)
            if by_udp and (cut or len(reply) > question.size):
                reply = question.reply(rcode, [], truncated=True)
        slow = self.zone.how(name, kind, "SLOW", 0)
        if not slow:
            send(reply)
            return
        now = time.monotonic()
        due = self.due.get((name, kind), 0)
        if due < now:  # the same question asked again waits for the answer to the first
            due = self.due[name, kind] = now + slow / 1000
        self.serial += 1
        heapq.heappush(self.later, (due, self.serial, send, reply))

    def from_udp(self):
        for _ in range(256):
            try:
                packet, peer = self.udp.recvfrom(4096, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            self.serve(packet, lambda reply, to=peer: self.udp.sendto(reply, to), True)

    def accept(self, listener):
        peer, _ = listener.accept()
        waiting = bytearray()
        self.loop.register(peer, selectors.EVENT_READ, lambda: self.from_tcp(peer, waiting))

    def from_tcp(self, peer, waiting):
        try:
            data = peer.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.loop.unregister(peer)
            peer.close()
            return
        waiting += data
        while len(waiting) >= 2 and len(waiting) >= 2 + int.from_bytes(waiting[:2], "big"):
            end = 2 + int.from_bytes(waiting[:2], "big")
            packet = bytes(waiting[2:end])
            del waiting[:end]
            self.serve(packet, lambda reply: send_tcp(peer, reply), False)

    def run(self):
        while True:
            wait = max(0, self.later[0][0] - time.monotonic()) if self.later else None
            for key, _ in self.loop.select(wait):
                key.data()
            while self.later and self.later[0][0] <= time.monotonic():
                _, _, send, reply = heapq.heappop(self.later)
                send(reply)


def send_tcp(peer, reply):
    try:
        peer.sendall(struct.pack("!H", len(reply)) + reply)
    except OSError:
        pass  # the client has gone


def end_with_parent():
    parent = os.getppid()
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit("dnsserver: whoever started this is gone")


def main():
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("zone")
    words.add_argument("--listen", default="127.0.0.1")
    words.add_argument("--port", type=int, default=0)
    options = words.parse_args()
    end_with_parent()
    server = Server(options.zone, options.listen, options.port)
    signal.signal(signal.SIGHUP, server.reload)
    print("port", server.udp.getsockname()[1], flush=True)
    server.run()


if __name__ == "__main__":
    main()
