"""postfix: a Postfix beside the system's, which it neither reads nor changes."""
import json
import os
import pwd
import subprocess
import time

import sasl
from server import free_port, port_open, same_family, wait_for
from session import Session


class Postfix:
    """A private Postfix: own configuration, queue, data and log; nothing of the system's."""

    MASTER = """
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
pickup    unix  n - n 60 1 pickup
anvil     unix  - - n - 1 anvil
tlsmgr    unix  - - n 1000? 1 tlsmgr
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

    def __init__(self, lab, name, milter, listen, settings):
        self.dir = lab.dir / name
        self.etc = self.dir / "etc"
        self.port = free_port()
        self.address, self.addresses = listen[0], listen
        for d in ("etc/sasl", "spool", "log", "mail", "data"):
            (self.dir / d).mkdir(parents=True)
        self.dir.chmod(0o755)
        postfix = pwd.getpwnam("postfix")
        os.chown(self.dir / "data", postfix.pw_uid, postfix.pw_gid)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.dir / "mail", nobody.pw_uid, nobody.pw_gid)
        (self.etc / "main.cf").write_text(self.main_cf(milter, nobody, settings))
        (self.etc / "master.cf").write_text(
            "".join(f"{'[' + a + ']' if ':' in a else a}:{self.port} inet n - n - - smtpd\n"
                    for a in listen) + self.MASTER)
        db = self.etc / "sasl/sasldb2"
        # Debian's Postfix 3.7 reads $config_directory/sasl/smtpd.conf whatever it is told, 3.10 what
        # it is told.
        sasl.conf(self.etc / "sasl/smtpd.conf", db)
        sasl.users(db, "lab.test")
        os.chown(db, 0, postfix.pw_gid)
        db.chmod(0o640)
        self.command("start")
        wait_for(lambda: port_open(self.address, self.port), 20, "start of Postfix")

    def main_cf(self, milter, nobody, settings):
        values = {
            "compatibility_level": "3.6",
            "queue_directory": self.dir / "spool",
            "data_directory": self.dir / "data",
            "daemon_directory": "/usr/lib/postfix/sbin",
            "command_directory": "/usr/sbin",
            "maillog_file_prefixes": self.dir,
            "maillog_file": self.dir / "log/maillog",
            "multi_instance_name": "postfix-lab",
            "myhostname": "mx.lab.test",
            "mydestination": "",
            "inet_interfaces": "all",
            "inet_protocols": "all",
            "mynetworks": "127.255.255.255/32",
            "alias_maps": "", "alias_database": "", "local_recipient_maps": "",
            "local_transport": "error:no local mail here",
            "biff": "no", "append_dot_mydomain": "no",
            "disable_dns_lookups": "yes",
            "smtp_host_lookup": "native",
            "relay_domains": "example.org, example.net, example.com, open.example",
            "relay_transport": "discard:", "default_transport": "discard:",
            "virtual_mailbox_domains": "mbox.test",
            "virtual_mailbox_base": self.dir / "mail",
            "virtual_mailbox_maps": "static:all/",
            "virtual_minimum_uid": "1",
            "virtual_uid_maps": f"static:{nobody.pw_uid}",
            "virtual_gid_maps": f"static:{nobody.pw_gid}",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
            "smtpd_recipient_restrictions": "",
            "smtpd_authorized_xclient_hosts": "127.0.0.0/8, [::1]/128",
            "smtpd_client_connection_count_limit": "0",
            "smtpd_client_connection_rate_limit": "0",
            "smtpd_error_sleep_time": "0",
            "smtpd_hard_error_limit": "1000", "smtpd_soft_error_limit": "1000",
            "smtputf8_enable": "yes",
            "default_process_limit": "200",
            "smtpd_milters": milter, "non_smtpd_milters": milter,
            "milter_protocol": "6", "milter_default_action": "tempfail",
            "smtpd_sasl_auth_enable": "yes", "cyrus_sasl_config_path": self.etc / "sasl",
            "smtpd_sasl_local_domain": "lab.test",
            "smtpd_tls_security_level": "none", "smtp_tls_security_level": "none",
            **settings,
        }
        return "".join(f"{key} = {value}\n" for key, value in values.items())

    def command(self, word):
        # It warns of owners of files that only a package would have.
        subprocess.run(["/usr/sbin/postfix", "-c", self.etc, word], stderr=subprocess.DEVNULL,
                       check=False)

    def set(self, **settings):
        subprocess.run(["/usr/sbin/postconf", "-c", self.etc, "-e",
                        *(f"{k}={v}" for k, v in settings.items())], check=True)
        self.command("reload")
        time.sleep(0.3)

    def session(self, client=None, name=None, helo="client.example", source=None):
        s = Session(same_family(self.addresses, source), self.port, source)
        s.ehlo("lab")
        if client:
            s.xclient(client, name)
        s.ehlo(helo)
        return s

    def sendmail(self, sender, recipient, message):
        """Mail that does not come by SMTP."""
        subprocess.run(["/usr/sbin/sendmail", "-C", self.etc, "-f", sender, recipient],
                       input=message, text=True, check=True,
                       env={**os.environ, "MAIL_CONFIG": str(self.etc)})

    def mailbox(self, user, count=1, seconds=10):
        """The messages delivered to user@mbox.test, once there are `count`."""
        new = self.dir / "mail/all/new"
        wait_for(lambda: new.exists() and len(list(new.iterdir())) >= count, seconds, "delivery")
        return [p.read_text(errors="replace") for p in sorted(new.iterdir(),
                                                              key=lambda p: p.stat().st_mtime_ns)]

    def log(self):
        path = self.dir / "log/maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def flush(self):
        """Tries all of the queue again, now."""
        subprocess.run(["/usr/sbin/postqueue", "-c", self.etc, "-f"], check=True)

    def queued(self):
        out = subprocess.run(["/usr/sbin/postqueue", "-c", self.etc, "-j"], capture_output=True,
                             text=True, check=False).stdout
        return [json.loads(l) for l in out.splitlines()]

    def stop(self):
        pid_file = self.dir / "spool/pid/master.pid"
        pid = int(pid_file.read_text()) if pid_file.exists() else None
        self.command("stop")
        if pid:
            wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 20, "end of Postfix")
