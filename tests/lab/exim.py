"""exim: an Exim beside an installed Postfix, with the ACL of contrib/exim."""
import os
import pathlib
import pwd

from server import Server, free_port, port_open, same_family, wait_for
from session import Session

ACL = pathlib.Path(__file__).resolve().parents[2] / "contrib/exim/susmilter.acl"


class Exim(Server):
    """A private Exim, unpacked (the Makefile does that); what it accepts is thrown away."""

    USER = "mail"
    CONF = """
exim_user = {user}
exim_group = {user}
primary_hostname = mx.exim.lab.test
spool_directory = {dir}/spool
log_file_path = {dir}/log/%slog
pid_file_path = {dir}/spool/exim.pid
local_interfaces = {listen}
daemon_smtp_ports = {port}
rfc1413_query_timeout = 0s
host_lookup = *
host_lookup_order = byaddr
helo_allow_chars = _
helo_accept_junk_hosts = *
allow_utf8_domains = true
smtputf8_advertise_hosts =
auth_advertise_hosts = *
tls_advertise_hosts =
smtp_accept_max = 0
smtp_max_unknown_commands = 100
recipients_max = 1000
keep_environment =
queue_only
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
begin acl
acl_rcpt:
{acl}
  accept
acl_data:
  accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = yes
  server_set_id = $auth2
begin routers
hole:
  driver = redirect
  data = :blackhole:
"""

    def __init__(self, lab, name, root, socket, listen=("127.0.0.1",), failure="action=DUNNO",
                 wait="25s"):
        """socket: as ${readsocket} takes it; failure and wait: other ones than those of the ACL."""
        self.dir = lab.dir / name
        self.port = free_port()
        self.address, self.addresses = listen[0], listen
        owner = pwd.getpwnam(self.USER)
        for d in ("spool", "log"):
            (self.dir / d).mkdir(parents=True)
            os.chown(self.dir / d, owner.pw_uid, owner.pw_gid)
        self.dir.chmod(0o755)
        acl = ACL.read_text()
        for old, new in (("/run/susmilter/policy.sock", str(socket)), ("{action=DUNNO}}",
                                                                   f"{{{failure}}}}}"),
                         ("{25s}", f"{{{wait}}}")):
            assert old in acl, old
            acl = acl.replace(old, new)
        conf = self.dir / "exim.conf"
        conf.write_text(self.CONF.format(user=self.USER, dir=self.dir, port=self.port, acl=acl,
                                         listen=" : ".join(a.replace(":", "::") for a in listen)))
        conf.chmod(0o644)
        self.out = open(self.dir / "out", "ab")
        libraries = next((root / "usr/lib").glob("*-linux-gnu"), root / "usr/lib")
        super().__init__([root / "usr/sbin/exim4", "-C", conf, "-bdf"], stdout=self.out,
                         stderr=self.out, env={**os.environ, "LD_LIBRARY_PATH": str(libraries)})
        wait_for(lambda: not self.alive() or port_open(self.address, self.port), 30,
                 "start of Exim")
        if not self.alive():
            raise RuntimeError("Exim did not start:\n" + (self.dir / "out").read_text())

    def session(self, source=None, helo="client.example"):
        s = Session(same_family(self.addresses, source), self.port, source)
        s.ehlo(helo)
        return s

    def log(self):
        return "".join(p.read_text(errors="replace") for p in (self.dir / "log").iterdir())
