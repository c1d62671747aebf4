"""policytalk: Postfix's policy protocol as an MTA speaks it, one connection at a time.

    with PolicyTalk(path=socket) as talk:
        print(talk.ask("198.51.100.7", "a@example.org", "b@example.net"))   # "550 5.7.1 ...", "DUNNO"
"""
import socket


def request(client, sender, recipient, **more):
    """The octets of one question; a value of None leaves the attribute out."""
    values = {"request": "smtpd_access_policy", "protocol_state": "RCPT",
              "protocol_name": "ESMTP", "client_address": client, "client_name": "unknown",
              "reverse_client_name": "unknown", "client_port": "4025",
              "helo_name": "client.example", "sender": sender, "recipient": recipient,
              "recipient_count": "0", "queue_id": "", "instance": "1.2.3", "size": "0",
              "etrn_domain": "", "sasl_username": "", "encryption_protocol": "", **more}
    return "".join(f"{k}={v}\n" for k, v in values.items() if v is not None).encode() + b"\n"


def address_of(spec):
    """inet:PORT@HOST and unix:PATH, as what socket.connect() takes and its family."""
    kind, rest = spec.split(":", 1)
    if kind == "unix":
        return rest, socket.AF_UNIX
    port, host = rest.split("@")
    return (host, int(port)), socket.AF_INET6 if kind == "inet6" else socket.AF_INET


class PolicyTalk:
    def __init__(self, spec, timeout=30):
        address, family = address_of(spec)
        self.socket = socket.socket(family)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.read = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """The next action; "" when the connection ends instead."""
        while b"\n\n" not in self.read:
            part = self.socket.recv(65536)
            if not part:
                return ""
            self.read += part
        text, self.read = self.read.split(b"\n\n", 1)
        assert text.startswith(b"action="), text
        return text[len(b"action="):].decode()

    def ask(self, client, sender, recipient, **more):
        self.send(request(client, sender, recipient, **more))
        return self.answer()
