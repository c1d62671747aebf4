"""sendmail: a Sendmail beside an installed Postfix."""
import os
import subprocess

import sasl
from server import Server, free_port, port_open, same_family, wait_for
from session import Session


class Sendmail(Server):
    """A private Sendmail, unpacked beside an installed Postfix since the packages conflict (the
    Makefile does that)."""

    CONF = """divert(-1)
divert(0)dnl
VERSIONID(`lab')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`confPID_FILE', `{dir}/sendmail.pid')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`STATUS_FILE', `{dir}/etc/statistics')dnl
define(`HELP_FILE', `/dev/null')dnl
define(`ALIAS_FILE', `')dnl
define(`confCW_FILE', `{dir}/etc/local-host-names')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/etc/service.switch')dnl
define(`confBIND_OPTS', `-DNSRCH -DEFNAMES')dnl
define(`confTO_IDENT', `0')dnl
define(`confDELIVERY_MODE', `queue')dnl
define(`confMAX_DAEMON_CHILDREN', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confTRUSTED_USER', `root')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confPRIVACY_FLAGS', `noexpn,novrfy')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confALLOW_BOGUS_HELO', `True')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupReadableSASLDBFile')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {relay_port}')dnl
define(`confAUTH_MECHANISMS', `PLAIN LOGIN CRAM-MD5')dnl
define(`confAUTH_OPTIONS', `A')dnl
define(`confAUTH_REALM', `sm.lab.test')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN CRAM-MD5')dnl
FEATURE(`nocanonify')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
RELAY_DOMAIN(`example.org example.net example.com open.example mbox.test')dnl
{listen}
{filter}
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

    EQUATES = "F=T, T=C:10s;S:10s;R:60s;E:120s"

    def __init__(self, lab, name, root, milter, listen, host, relay_port, equates, more=""):
        self.dir = lab.dir / name
        self.port = free_port()
        self.address, self.addresses = listen[0], listen
        etc = self.dir / "etc"
        ports = "\n".join(
            f"DAEMON_OPTIONS(`Name=MTA{i}, Family={'inet6' if ':' in a else 'inet'}, Addr={a}, "
            f"Port={self.port}')dnl" for i, a in enumerate(listen))
        filters = f"INPUT_MAIL_FILTER(`susmilter', `S={milter}, {equates}')dnl"
        self.cf(self.dir, root, ports, (filters if milter else "dnl") + "\n" + more, host,
                relay_port)
        db = etc / "sasldb2"
        sasl.conf(etc / "sasl/Sendmail.conf", db)
        sasl.users(db, "sm.lab.test")
        db.chmod(0o600)
        # Sendmail wants a host name with a dot, and SASL looks for its file in fixed places: both
        # are given to this process alone.
        os.makedirs("/usr/lib/sasl2", exist_ok=True)
        self.out = open(self.dir / "out", "ab")
        self.program = ["unshare", "--uts", "--mount", "sh", "-c",
                        'hostname "$0"; mount --bind "$1" /usr/lib/sasl2; shift; exec "$@"',
                        host, etc / "sasl", root / "usr/libexec/sendmail/sendmail", "-C",
                        etc / "sendmail.cf"]
        super().__init__([*self.program, "-bD"], stdout=self.out, stderr=self.out)
        wait_for(lambda: not self.alive() or port_open(self.address, self.port), 30,
                 "start of Sendmail")
        if not self.alive():
            raise RuntimeError("Sendmail did not start:\n" + (self.dir / "out").read_text())

    @classmethod
    def cf(cls, place, root, listen, filters, host, relay_port):
        """Makes the folders below `place` and its sendmail.cf, whose text it returns."""
        etc = place / "etc"
        etc.mkdir(parents=True)
        place.chmod(0o755)
        (place / "queue").mkdir(mode=0o700)
        (etc / "local-host-names").write_text(f"{host}\n")
        (etc / "service.switch").write_text("hosts\tfiles\naliases\tfiles\npasswd\tfiles\n")
        (etc / "statistics").write_text("")
        (etc / "lab.mc").write_text(cls.CONF.format(dir=place, host=host, relay_port=relay_port,
                                                    listen=listen, filter=filters))
        share = root / "usr/share/sendmail/cf"
        text = subprocess.run(["m4", f"-D_CF_DIR_={share}/", share / "m4/cf.m4", etc / "lab.mc"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        (etc / "sendmail.cf").write_text(text)
        return text

    def session(self, source=None, helo="client.example"):
        s = Session(same_family(self.addresses, source), self.port, source)
        s.ehlo(helo)
        return s

    def queued(self, kind="qf"):
        """The envelopes in the queue: qf as usual, hf on hold; with kind df the bodies."""
        return [p.read_text(errors="replace") for p in (self.dir / "queue").glob(f"{kind}*")]

    def flush(self):
        """Tries all of the queue once, now, and waits for the end of it.  Its status tells of mail
        that was refused, which is no failure here."""
        subprocess.run([*self.program, "-qf"], stdout=self.out, stderr=self.out, check=False,
                       timeout=120)
