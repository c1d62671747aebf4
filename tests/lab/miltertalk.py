"""miltertalk: the milter protocol as an MTA speaks it, one connection at a time.

    with Talk("127.0.0.1", port) as talk:
        print(hex(talk.steps))                        # what the filter does not want to see
        talk.connect("mx.good.example", "198.51.100.7")
        talk.helo("mx.good.example")
        talk.mail("a@example.org", auth_authen="alice")
        print(talk.rcpt("b@example.net"))             # "c", or "y550 5.7.1 ..."
"""
import socket
import struct

ALL_ACTIONS = 0x1FF
ALL_STEPS = 0x1FFFFF

# What a filter may ask to be spared, by its names in libmilter.
NOBODY, NOHDRS, NOEOH = 0x10, 0x20, 0x40


class Talk:
    def __init__(self, host=None, port=None, path=None, steps=ALL_STEPS):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(str(path))
        else:
            self.socket = socket.create_connection((host, port))
            # What is said without an answer must not wait for the acknowledgement of the last.
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(30)
        self.mta = {"j": "mx.lab.test", "v": "Postfix 3.7.11"}
        self._put(b"O", struct.pack("!III", 6, ALL_ACTIONS, steps))
        _, answer = self._get()
        _, self.actions, self.steps = struct.unpack("!III", answer[:12])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _put(self, command, data=b""):
        self.socket.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                raise ConnectionError("the filter closed the connection")
            data += part
        return data

    def _get(self):
        data = self._exactly(struct.unpack("!I", self._exactly(4))[0])
        return data[:1], data[1:]

    def _macros(self, command, values):
        if values:
            self._put(b"D", command + b"".join(
                (k if len(k) == 1 else "{%s}" % k).encode() + b"\0" + v.encode() + b"\0"
                for k, v in values.items()))

    def _ask(self, command, data, step_is_quiet, macros):
        self._macros(command, macros)
        self._put(command, data)
        return None if self.steps & step_is_quiet else self.answer()

    def answer(self):
        """One answer: "c" (continue), "y550 5.7.1 ...", "a", "t", "r", "s"."""
        kind, data = self._get()
        return kind.decode() + data.rstrip(b"\0").decode("utf-8", "replace")

    def connect(self, name, address, family=None, **macros):
        if family is None:
            family = "6" if ":" in address else "4"
        data = name.encode() + b"\0" + family.encode()
        if family != "U":
            data += struct.pack("!H", 4025) + address.encode() + b"\0"
        shown = {**self.mta, "client_name": name, "client_connections": "1", **macros}
        return self._ask(b"C", data, 0x1000, shown)

    def helo(self, name):
        return self._ask(b"H", name.encode() + b"\0", 0x2000, {})

    def mail(self, sender, **macros):
        return self._ask(b"M", b"<" + sender.encode() + b">\0", 0x4000, macros)

    def rcpt(self, recipient, **macros):
        return self._ask(b"R", b"<" + recipient.encode() + b">\0", 0x8000, macros)

    def begin_rcpt(self, recipient):
        """Asks, and leaves it to answer() to wait."""
        self._put(b"R", b"<" + recipient.encode() + b">\0")

    def header(self, name, value):
        return self._ask(b"L", name.encode() + b"\0" + value.encode() + b"\0", 0x80, {})

    def end_of_headers(self):
        return self._ask(b"N", b"", 0x40000, {})

    def body(self, data):
        return self._ask(b"B", data, 0x80000, {})

    def begin_end(self):
        """The end of the message, and leaves it to answer() to wait."""
        self._put(b"E")

    def end(self, **macros):
        """All that is said at the end of the message: edits, then the answer."""
        self._macros(b"E", macros)
        self._put(b"E")
        said = [self.answer()]
        while said[-1][0] in "himqp":
            said.append(self.answer())
        return said
