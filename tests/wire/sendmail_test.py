#!/usr/bin/python3
"""sendmail_test: what only Sendmail does: local mail through a pipe, sockets that it calls unsafe, and
its time-outs, each as doctor says.

    sendmail_test.py BUILD_DIRECTORY [--keep]
"""
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from slowfilter import SlowFilter  # noqa: E402

ZONE = "example.com MX 10 mx.example.com\n"
RULES = 'blocks = ( { name = "evil"; domains = [ ".evil.example" ]; } );\n'
SENDER = "a@mail.evil.example"


def doctor(servers, daemon, cf):
    return subprocess.run([servers.build / "susmilterctl", "-c", daemon.conf, "doctor",
                           "--sendmail", cf], capture_output=True, text=True, timeout=60,
                          check=False)


def local_mail(checks, daemon, sendmail):
    """A session on standard input has no client address: it is not inbound."""
    with subprocess.Popen([*sendmail.program, "-bs", "-Am"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, bufsize=1) as local:
        told = local.stdout.readline()
        for line in ("HELO local", f"MAIL FROM:<{SENDER}>", "RCPT TO:<b@example.org>", "QUIT"):
            local.stdin.write(f"{line}\n")
            told += local.stdout.readline()
    codes = re.findall(r"^(\d{3}) ", told, re.M)
    checks.true("sendmail -bs: accepted", codes == ["220", "250", "250", "250", "221"], told)
    checks.same("sendmail -bs: nothing is refused",
                [r for r in daemon.records() if r["action"] == "reject"], [])
    with sendmail.session("127.0.0.2") as s:
        s.mail(SENDER)
        checks.same("over the network: refused", s.rcpt("b@example.org").code, 550)


def starts(sendmail):
    """Whether a Sendmail with the same sendmail.cf starts: it reads it and ends at end of input."""
    told = subprocess.run([*sendmail.program, "-bs"], input="QUIT\n", capture_output=True,
                          text=True, timeout=120, check=False)
    return "unsafe" not in told.stdout + told.stderr


def safety(checks, servers, daemon, sendmail, folder):
    """Each right of the socket and its directories: doctor and Sendmail agree."""
    cf = sendmail.dir / "etc/sendmail.cf"
    plain, path = cf.read_text(), folder / "milter.sock"
    nobody = pwd.getpwnam("nobody")
    for label, safe, mode, above, sock, gid, more in (
            ("0750", True, 0o750, 0o755, 0o660, 0, ""),
            ("2710", True, 0o2710, 0o755, 0o660, 0, ""),
            ("0755", True, 0o755, 0o755, 0o666, 0, ""),
            ("0770", False, 0o770, 0o755, 0o660, 0, ""),
            ("2775", False, 0o2775, 0o755, 0o660, 0, ""),
            ("1777", False, 0o1777, 0o755, 0o660, 0, ""),
            ("0775 above", False, 0o755, 0o775, 0o660, 0, ""),
            ("1777 above", False, 0o755, 0o1777, 0o660, 0, ""),
            ("0770, allowed", True, 0o770, 0o755, 0o660, 0,
             "O DontBlameSendmail=groupwritabledirpathsafe\n"),
            ("0777, allowed to groups", False, 0o777, 0o755, 0o660, 0,
             "O DontBlameSendmail=GroupWritableDirPathSafe\n"),
            ("another user, kept out", False, 0o750, 0o755, 0o660, 0, "O RunAsUser=nobody\n"),
            ("another user, 0660", False, 0o755, 0o755, 0o660, 0, "O RunAsUser=nobody\n"),
            ("another user, 0666", True, 0o755, 0o755, 0o666, 0, "O RunAsUser=nobody\n"),
            ("another user, by group", True, 0o750, 0o755, 0o660, nobody.pw_gid,
             "O RunAsUser=nobody\n"),
            ("another group", True, 0o750, 0o755, 0o660, 8, "O RunAsUser=nobody:mail\n")):
        os.chown(folder, 0, gid)
        os.chown(path, 0, gid)
        folder.chmod(mode)
        folder.parent.chmod(above)
        path.chmod(sock)
        cf.write_text(more + plain)  # each line holds for what comes behind it
        told = doctor(servers, daemon, cf).stdout
        checks.same(f"{label}: Sendmail", starts(sendmail), safe)
        checks.true(f"{label}: doctor", ("does not start" not in told) == safe, told)
    folder.parent.chmod(0o755)
    os.chown(path, 0, 0)
    folder.chmod(0o755)
    cf.write_text(plain)
    checks.same("a safe socket: healthy", doctor(servers, daemon, cf).returncode, 0)


def strangers(checks, folder):
    """Nobody outside of the group of a socket, or of its directory, can speak milter."""
    connect = ("import socket, sys\n"
               "try: socket.socket(socket.AF_UNIX).connect(sys.argv[1])\n"
               "except PermissionError: sys.exit(13)")
    for label, mode, sock in (("directory", 0o750, 0o666), ("socket", 0o755, 0o660)):
        folder.chmod(mode)
        (folder / "milter.sock").chmod(sock)
        done = subprocess.run(["/usr/bin/python3", "-c", connect, folder / "milter.sock"],
                              user="nobody", group="nogroup", extra_groups=[], check=False)
        checks.same(f"a stranger is kept out by the {label}", done.returncode, 13)


def age(checks, servers, daemon, sendmail):
    """A sendmail.mc that was changed since is told."""
    cf = sendmail.dir / "etc/sendmail.cf"
    mc = cf.with_suffix(".mc")
    for label, seconds, told in (("older", -60, False), ("newer", 60, True)):
        mc.write_text("")
        os.utime(mc, (time.time(), cf.stat().st_mtime + seconds))
        checks.same(f"sendmail.mc is {label}",
                    f"make -C {cf.parent}" in doctor(servers, daemon, cf).stdout, told)


def wait_out(server, seen, label):
    with server.session() as s:
        s.mail("a@example.org")
        rcpt = s.rcpt("b@example.org").code
        seen[label] = rcpt, s.data("Subject: x\n\nx\n").code if rcpt == 250 else None


def patience(checks, servers, place):
    """What doctor says of R: and E: is what Sendmail does with them."""
    cases = (
        ("R: by default is enough", "F=T", 8, 14, 4, (250, 250)),
        ("... but not for a late RCPT", "F=T", 12, 0, 0, (451, None)),
        ("... nor for an end without progress", "F=T", 0, 12, 0, (250, 451)),
        ("E: is the patience for the whole end", "F=T, T=R:60s;E:10s", 0, 14, 4, (250, 451)),
        ("... which counts with progress only", "F=T, T=R:60s;E:10s", 0, 14, 0, (250, 250)),
        ("what is recommended", "F=T, T=C:10s;S:10s;R:60s;E:5m", 12, 20, 4, (250, 250)))
    seen, threads = {}, []
    for n, (label, equates, rcpt, end, progress, _) in enumerate(cases):
        slow = SlowFilter(place / f"slow{n}", rcpt, end, progress)
        server = servers.sendmail(slow, name=f"slow{n}", equates=equates)
        threads.append(threading.Thread(target=wait_out, args=(server, seen, label)))
        threads[-1].start()
    for t in threads:
        t.join()
    for label, *_, wanted in cases:
        checks.same(label, seen.get(label), wanted)


def main():
    lab.become_root("a private Sendmail is started")
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("sendmail")
    # Sendmail trusts no directory below one that others may write to, such as /tmp.
    place = pathlib.Path(tempfile.mkdtemp(prefix="susmilter-lab.", dir="/run"))
    place.chmod(0o755)
    folder = place / "above/folder"
    folder.mkdir(parents=True)
    try:
        with lab.Lab(build, keep) as servers:
            dns = servers.dns(ZONE)
            daemon = servers.daemon(dns.resolver + RULES + 'trusted_networks = [ "127.0.0.1" ];\n',
                                    socket_spec=f"unix:{folder}/milter.sock")
            sendmail = servers.sendmail(daemon)
            local_mail(checks, daemon, sendmail)
            safety(checks, servers, daemon, sendmail, folder)
            strangers(checks, folder)
            age(checks, servers, daemon, sendmail)
            patience(checks, servers, place)
    finally:
        shutil.rmtree(place)
    sys.exit(checks.summary())


main()
