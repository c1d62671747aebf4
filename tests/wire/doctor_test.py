#!/usr/bin/python3
"""doctor_test: `susmilterctl doctor` beside a private Postfix: each fault is planted and found, and
the line that it tells to write puts it right.

    doctor_test.py BUILD_DIRECTORY [--keep]
"""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402

ZONE = 'example.com MX 10 mx.example.com\n'
RIGHT = {"smtpd_forbid_bare_newline": "yes"}


def doctor(servers, daemon, etc, conf=None):
    return subprocess.run([servers.build / "susmilterctl", "-c", conf or daemon.conf, "doctor",
                           "--postfix", etc], capture_output=True, text=True, timeout=60,
                          check=False)


def wrongs(result):
    return [l.split("WRONG", 1)[1].strip() for l in result.stdout.splitlines()
            if l.startswith("WRONG")]


def healthy(checks, label, result):
    checks.same(f"{label}: status", result.returncode, 0)
    checks.same(f"{label}: nothing wrong", wrongs(result), [])
    checks.true(f"{label}: says so", result.stdout.endswith("healthy\n"), result.stdout)


def finds(checks, label, result, *wanted):
    """One complaint, with these words in it."""
    found = wrongs(result)
    checks.same(f"{label}: status", result.returncode, 1)
    checks.same(f"{label}: one complaint", len(found), 1)
    for words in wanted:
        checks.true(f"{label}: says {words!r}", any(words in f for f in found), result.stdout)


def postconf(postfix, **settings):
    subprocess.run(["/usr/sbin/postconf", "-c", postfix.etc, "-e",
                    *(f"{k}={v}" for k, v in settings.items())], check=True)


def told_line(result):
    return wrongs(result)[0].split(" → ")[1]


def settings(checks, servers, daemon, postfix):
    """Each of Postfix's settings, wrong and put right again as told."""
    right, other = servers.milter(daemon), socket.create_server(("127.0.0.1", 0))
    dkim = f"inet:127.0.0.1:{other.getsockname()[1]}"
    for label, key, value, words in (
            ("not asked", "smtpd_milters", "", "is not listed"),
            ("behind opendkim", "smtpd_milters", f"{dkim}, {right}", f"lists {dkim} before"),
            ("the wrong port", "smtpd_milters", f"inet:127.0.0.1:{lab.free_port()}",
             "nothing listens at"),
            ("beside one that is dead", "smtpd_milters",
             f"{right}, {dkim}, inet:127.0.0.1:{lab.free_port()}", "nothing listens at"),
            ("impatient in braces", "smtpd_milters", f"{{ {right}, command_timeout=5s }}",
             "milter_command_timeout = 5s"),
            ("no milters", "receive_override_options", "no_milters", "uses no milter"),
            ("reject by default", "milter_default_action", "reject", "mail is refused"),
            ("old protocol", "milter_protocol", "2", "milter_protocol = 6"),
            ("impatient", "milter_command_timeout", "9s", "milter_command_timeout = 30s"),
            ("impatient at the end", "milter_content_timeout", "20s",
             "milter_content_timeout = 300s"),
            ("smuggling", "smtpd_forbid_bare_newline", "no", "smtpd_forbid_bare_newline")):
        before = subprocess.run(["/usr/sbin/postconf", "-c", postfix.etc, "-h", key],
                                capture_output=True, text=True, check=True).stdout.strip()
        postconf(postfix, **{key: value})
        result = doctor(servers, daemon, postfix.etc)
        finds(checks, label, result, words)
        if wrongs(result):
            name, line = told_line(result).split("=", 1)
            postconf(postfix, **{name.strip(): line.strip()})
            healthy(checks, f"{label}, as told", doctor(servers, daemon, postfix.etc))
        postconf(postfix, **{key: before})
    postconf(postfix, milter_default_action="accept")
    result = doctor(servers, daemon, postfix.etc)
    checks.true("accept by default is a note", "note   milter_default_action = accept" in
                result.stdout, result.stdout)
    postconf(postfix, milter_default_action="tempfail")
    for value, words in (("127.0.0.0/8 [::1]/128", None), ("127.0.0.0/8, 192.0.2.0/24",
                                                          '"192.0.2.0/24" ]; in susmilter.conf')):
        before = subprocess.run(["/usr/sbin/postconf", "-c", postfix.etc, "-h", "mynetworks"],
                                capture_output=True, text=True, check=True).stdout.strip()
        postconf(postfix, mynetworks=value)
        result = doctor(servers, daemon, postfix.etc)
        if words:
            finds(checks, f"mynetworks = {value}", result, words)
        else:
            healthy(checks, f"mynetworks = {value}", result)
        postconf(postfix, mynetworks=before)
    main = postfix.etc / "main.cf"
    plain = main.read_text()
    main.write_text(plain + "authorized_verp_clients = " + "192.0.2.1, " * 120000 + "192.0.2.2\n")
    healthy(checks, "a megabyte of settings", doctor(servers, daemon, postfix.etc))
    main.write_text(plain)
    other.close()


def services(checks, servers, daemon, postfix):
    """What master.cf says for the port of SMTP counts, not what main.cf says for others."""
    master, right = postfix.etc / "master.cf", servers.milter(daemon)
    plain = master.read_text()
    base = plain.split("\n", 1)[1] + "smtp inet n - n - - smtpd\n"
    for label, own, main, words in (
            ("taken away", "smtpd_milters=", right, "is not listed"),
            ("no milters", "receive_override_options=no_milters", right, "uses no milter"),
            ("another default", "milter_default_action=reject", right, "mail is refused"),
            ("old protocol", "milter_protocol=2", right, "milter_protocol=6")):
        postconf(postfix, smtpd_milters=main)
        master.write_text(base + f"  -o {own}\n")
        result = doctor(servers, daemon, postfix.etc)
        finds(checks, f"master.cf: {label}", result, words)
        subprocess.run(told_line(result), shell=True, check=True,
                       env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/bin"})
        healthy(checks, f"master.cf: {label}, as told", doctor(servers, daemon, postfix.etc))
    postconf(postfix, smtpd_milters="", master_service_disable="inet")
    healthy(checks, "an instance that only sends", doctor(servers, daemon, postfix.etc))
    postconf(postfix, master_service_disable="")
    postconf(postfix, smtpd_milters="", mx_milters=right)
    master.write_text(base + "  -o smtpd_milters=$mx_milters\n")
    healthy(checks, "only in master.cf", doctor(servers, daemon, postfix.etc))
    postconf(postfix, smtpd_milters=right)
    master.write_text(plain)


def sockets(checks, servers, dns, postfix):
    """A unix socket: spelling, rights, and the chroot."""
    folder = postfix.dir / "spool/susmilter"
    folder.mkdir()
    group = pwd.getpwnam("postfix").pw_gid
    os.chown(folder, 0, group)
    folder.chmod(0o2710)
    daemon = servers.daemon(dns.resolver, name="unix", socket_spec=f"unix:{folder}/milter.sock",
                            milter='socket_mode = "0660"; socket_group = "postfix"')
    master = postfix.etc / "master.cf"
    plain = master.read_text()
    chrooted = plain.replace("inet n - n - - smtpd", "inet n - y - - smtpd")
    postconf(postfix, smtpd_milters="unix:susmilter/milter.sock")
    result = doctor(servers, daemon, postfix.etc)
    healthy(checks, "unix socket", result)
    checks.true("no warning of TCP", "is TCP" not in result.stdout, result.stdout)
    master.write_text(chrooted)
    result = doctor(servers, daemon, postfix.etc)
    healthy(checks, "unix socket in the chroot", result)
    checks.true("it was tried from the chroot", "from the chroot" in result.stdout, result.stdout)
    postconf(postfix, smtpd_milters=f"unix:{folder}/milter.sock")
    finds(checks, "absolute in the chroot", doctor(servers, daemon, postfix.etc),
          "smtpd_milters = unix:susmilter/milter.sock")
    postconf(postfix, smtpd_milters="unix:/susmilter/milter.sock")
    healthy(checks, "as it is named in the chroot", doctor(servers, daemon, postfix.etc))
    postconf(postfix, smtpd_milters=f"unix:{folder}/milter.sock")
    master.write_text(plain + "smtpd pass - - y - - smtpd\n")
    finds(checks, "absolute, in the chroot behind postscreen",
          doctor(servers, daemon, postfix.etc), "smtpd_milters = unix:susmilter/milter.sock")
    master.write_text(plain)
    healthy(checks, "absolute without a chroot", doctor(servers, daemon, postfix.etc))
    folder.parent.chmod(0o700)
    result = doctor(servers, daemon, postfix.etc)
    finds(checks, "a closed queue directory", result, "chmod a+x")
    subprocess.run(told_line(result), shell=True, check=True)
    healthy(checks, "a closed queue directory, as told", doctor(servers, daemon, postfix.etc))
    folder.chmod(0o2700)
    finds(checks, "a closed directory", doctor(servers, daemon, postfix.etc), str(folder),
          "chmod 2710")
    folder.chmod(0o2710)
    os.chmod(folder / "milter.sock", 0o600)
    finds(checks, "a closed socket", doctor(servers, daemon, postfix.etc), "milter.sock",
          "chmod 0660")
    os.chmod(folder / "milter.sock", 0o660)
    healthy(checks, "rights put right", doctor(servers, daemon, postfix.etc))
    daemon.stop()
    postconf(postfix, smtpd_milters="unix:susmilter/milter.sock")
    result = doctor(servers, daemon, postfix.etc)
    checks.same("a daemon that does not run: status", result.returncode, 1)
    checks.true("a daemon that does not run", any("no milter answers" in w for w in
                                                  wrongs(result)), result.stdout)
    checks.true("rights are not blamed for that", "denies access" not in result.stdout,
                result.stdout)
    (folder / "milter.sock").unlink(missing_ok=True)
    (folder / "milter.sock").write_text("")
    result = doctor(servers, daemon, postfix.etc)
    checks.true("a file in the way", any(f"rm {folder}/milter.sock" in w for w in wrongs(result)),
                result.stdout)


def host(checks, servers, dns, daemon, postfix):
    """Databases, DNS, limits and the configuration itself."""
    conf = daemon.dir / "other.conf"
    base = daemon.base
    conf.write_text(base + 'resolver = { servers = [ "127.0.0.1@%d" ]; timeout = 0.3; };\n'
                    % lab.free_port())
    finds(checks, "DNS that is dead", doctor(servers, daemon, postfix.etc, conf), "DNS: no answer")
    conf.write_text(base + dns.resolver + "modus = 1;\n")
    result = doctor(servers, daemon, postfix.etc, conf)
    checks.true("an error of the configuration", "unknown key" in result.stdout and
                result.returncode == 1, result.stdout)
    conf.write_text(base.replace('user = "";', 'user = ""; max_sessions = 100000;')
                    + dns.resolver)
    subprocess.run(["prlimit", "--pid", str(daemon.worker()), "--nofile=4096:"], check=True)
    result = doctor(servers, daemon, postfix.etc, conf)
    checks.true("too few files", any("open files" in w and "LimitNOFILE=200600" in w
                                     for w in wrongs(result)), result.stdout)
    for days, stale in ((50, True), (40, False)):
        database = daemon.dir / "country.mmdb"
        subprocess.run(["perl", HERE.parent / "fake/mmdb.pl", database, "country",
                        f"epoch={int(time.time()) - days * 86400}"],
                       input="198.51.100.0/24 - CN\n", text=True, check=True)
        conf.write_text(base + dns.resolver + f'geo = {{ country = "{database}"; }};\n'
                        'susranges = ( { name = "cn"; country = [ "CN" ]; } );\n')
        result = doctor(servers, daemon, postfix.etc, conf)
        checks.same(f"a database of {days} days", any("built 50 days ago" in w
                                                      for w in wrongs(result)), stale)


def feeds(checks, servers, daemon, postfix, conf):
    """A feed: as it should be, one that nobody writes any more, one that lost its entries, one that
    is gone."""
    path = daemon.dir / "bad.feed"
    daemon.write("bad.feed", "".join(f"192.0.2.{n}\n" for n in range(200)))
    daemon.configure(conf + 'susranges = ( { name = "fed"; networks = [ "feed:bad.feed" ]; } );\n')
    daemon.ctl("reload", check=True)
    result = doctor(servers, daemon, postfix.etc)
    healthy(checks, "a feed", result)
    checks.true("a feed: is taken", f'ok     the feed {path} of "fed" is taken\n' in result.stdout,
                result.stdout)
    old = time.time() - 5 * 86400 - 60
    os.utime(path, (old, old))
    daemon.ctl("reload", check=True)
    result = doctor(servers, daemon, postfix.etc)
    healthy(checks, "an old feed", result)
    checks.true("an old feed: is a note",
                f'note   the feed {path} of "fed" was not written for 5 days' in result.stdout,
                result.stdout)
    daemon.write("bad.feed", "192.0.2.1\n")
    finds(checks, "a feed that shrank", doctor(servers, daemon, postfix.etc),
          f'the feed {path} of "fed" is not taken, and what the rule goes on with is 5 days old: ',
          "susmilterctl reload --take fed")
    path.unlink()
    finds(checks, "a feed that is gone", doctor(servers, daemon, postfix.etc), f"→ repair {path}")
    daemon.configure(conf)
    daemon.ctl("reload", check=True)


def main():
    lab.become_root("a private Postfix is started")
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("doctor")
    if not shutil.which("postconf", path="/usr/sbin"):
        print("doctor: Postfix is not installed: nothing to look at", file=sys.stderr)
        sys.exit(1)
    with lab.Lab(build, keep) as servers:
        dns = servers.dns(ZONE)
        daemon = servers.daemon(dns.resolver)
        postfix = servers.postfix(daemon, **RIGHT)
        result = doctor(servers, daemon, postfix.etc)
        healthy(checks, "a healthy host", result)
        checks.true("TCP is warned of", "is TCP: any local account" in result.stdout, result.stdout)
        checks.same("nothing is recorded as refused",
                    [r for r in daemon.records() if r["action"] != "accept"], [])
        settings(checks, servers, daemon, postfix)
        services(checks, servers, daemon, postfix)
        feeds(checks, servers, daemon, postfix, dns.resolver)
        host(checks, servers, dns, daemon, postfix)
        sockets(checks, servers, dns, postfix)
    sys.exit(checks.summary())


main()
