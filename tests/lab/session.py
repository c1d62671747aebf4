"""session: SMTP as a client speaks it.

    with session.Session("127.0.0.1", port) as s:
        s.ehlo("client.example")
        print(s.mail("a@example.org").code)
"""
import smtplib
import ssl

import sasl


class Reply(str):
    """A reply as the client saw it: "550 5.7.1 text"."""

    @property
    def code(self):
        return int(self[:3])


class Session:
    """One SMTP connection; every command returns the whole reply."""

    def __init__(self, address, port, source=None, timeout=60):
        self.smtp = smtplib.SMTP(timeout=timeout, source_address=(source, 0) if source else None)
        self._reply(self.smtp.connect(address, port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.smtp.close()

    @staticmethod
    def _reply(pair):
        code, text = pair
        return Reply(f"{code} " + text.decode("utf-8", "replace").replace("\n", " "))

    def command(self, line):
        return self._reply(self.smtp.docmd(line))

    def ehlo(self, name):
        return self._reply(self.smtp.ehlo(name))

    def xclient(self, address, name=None):
        shown = "IPV6:" + address if ":" in address else address
        reply = self.command(f"XCLIENT ADDR={shown} NAME={name or '[UNAVAILABLE]'}")
        assert reply.code == 220, reply
        return reply

    def starttls(self, helo, newest=None):
        """newest: an ssl.TLSVersion that is not exceeded."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if newest:
            context.maximum_version = newest
        # The name that ssl wants is kept only by smtplib's constructor.
        self.smtp._host = "mx.lab.test"
        reply = self._reply(self.smtp.starttls(context=context))
        assert reply.code == 220, reply
        return self.ehlo(helo)

    def login(self, user):
        return self._reply(self.smtp.login(user, sasl.USERS[user]))

    def mail(self, sender, options=""):
        return self.command(f"MAIL FROM:<{sender}>{options}")

    def rcpt(self, recipient):
        return self.command(f"RCPT TO:<{recipient}>")

    def data(self, message):
        reply = self.command("DATA")
        if reply.code != 354:
            return reply
        if isinstance(message, str):
            message = message.encode()
        message = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        message = b"\r\n".join(b"." + l if l.startswith(b".") else l
                               for l in message.split(b"\r\n"))
        self.smtp.send(message.rstrip(b"\r\n") + b"\r\n.\r\n")
        return self._reply(self.smtp.getreply())

    def quit(self):
        return self.command("QUIT")
