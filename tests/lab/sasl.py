"""sasl: the users that a private Postfix or Sendmail authenticates."""
import subprocess

USERS = {"alice": "secret1", "bob": "secret2"}


def users(path, realm):
    for user, password in USERS.items():
        subprocess.run(["/usr/sbin/saslpasswd2", "-p", "-c", "-f", path, "-u", realm, user],
                       input=password, text=True, check=True)


def conf(path, db):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
                    f"sasldb_path: {db}\nmech_list: PLAIN LOGIN CRAM-MD5\n")
