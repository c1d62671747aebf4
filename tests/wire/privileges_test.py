#!/usr/bin/python3
"""privileges_test: what susmilter does as root, and what as its user.

    privileges_test.py BUILD_DIRECTORY [--keep]

Started as root it reads the main file for its sockets and its user, and all else as that user: a
list that is a link to something that only root may read shows nothing of it, at no time.
"""
import os
import pathlib
import pwd
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

USER = pwd.getpwnam("nobody")
SECRET = "swordfish-of-root"
RULE = 'susranges = ( {{ name = "r"; networks = [ "{}" ]; }} );\n'
HINT = 'files are read by milter.user "nobody", never by root'


class Place:
    """A directory of root's with the files, and below it one of the user's for sockets and lists."""

    def __init__(self, servers, name):
        self.servers, self.dir = servers, servers.dir / name
        self.own = self.dir / "own"
        self.own.mkdir(parents=True)
        os.chown(self.own, USER.pw_uid, USER.pw_gid)
        self.own.chmod(0o750)
        self.conf = self.dir / "susmilter.conf"
        self.milter, self.control = self.own / "milter.sock", self.own / "control.sock"
        self.secret = self.write("secret", f"{SECRET}\n", 0o600)
        self.log_path = self.dir / "log"

    def groups(self, more=""):
        return (f'milter = {{ socket = "unix:{self.milter}"; user = "nobody"; {more} }};\n'
                f'control = {{ socket = "{self.control}"; }};\n')

    REST = 'log = { syslog = false; };\nspf = { fail = "off"; };\ntrusted_networks = [ ];\n'

    def write(self, name, text, mode=0o644, owner=0):
        path = self.dir / name
        path.write_text(text)
        path.chmod(mode)
        os.chown(path, owner, owner and USER.pw_gid)
        return path

    def start(self):
        log = open(self.log_path, "ab")
        return self.servers.process([self.servers.build / "susmilter", "-f", "-c", self.conf],
                                    stdout=log, stderr=log)

    def said(self):
        return self.log_path.read_text(errors="replace")

    def test(self):
        return subprocess.run([self.servers.build / "susmilter", "-t", "-c", self.conf],
                              capture_output=True, text=True, check=False)

    def ctl(self, *words):
        return subprocess.run([self.servers.build / "susmilterctl", "--socket", self.control,
                               *words], capture_output=True, text=True, check=False, timeout=30)

    def answer(self):
        with Talk(path=str(self.milter)) as t:
            t.connect("unknown", "198.51.100.7")
            t.helo("h.test")
            t.mail("a@x.test")
            return t.rcpt("b@example.net")


def worker_of(process):
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else None


def uids(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return status.split("Uid:")[1].split("\n")[0].split()


def life(checks, servers):
    """Sockets are the user's, so is the worker, again after a crash; a reload reads as the user."""
    place = Place(servers, "life")
    place.write("own/list", "198.51.100.0/24\n", owner=USER.pw_uid)
    place.write("susmilter.conf", place.groups() + place.REST + RULE.format("file:own/list"))
    checks.same("life: -t", place.test().returncode, 0)
    daemon = place.start()
    lab.wait_for(lambda: "ready" in place.said() or not daemon.alive(), 20, "start")
    for path in (place.milter, place.control):
        checks.same(f"life: owner of {path.name}", path.stat().st_uid, USER.pw_uid)
    checks.same("life: mode", oct(place.milter.stat().st_mode & 0o777), "0o660")
    worker = worker_of(daemon)
    checks.same("life: the worker is the user", uids(worker), [str(USER.pw_uid)] * 4)
    checks.true("life: it refuses", place.answer().startswith("y550 "))
    # From here on the list is a link to what only root may read.
    (place.own / "list").unlink()
    (place.own / "list").symlink_to(place.secret)
    told = place.ctl("reload")
    checks.same("life: reload is refused", told.returncode, 1)
    checks.true("life: for want of rights", "Permission denied" in told.stderr, told.stderr)
    os.kill(worker, signal.SIGKILL)
    lab.wait_for(lambda: place.said().count("not started: 1 error") > 0, 20, "another worker")
    checks.true("life: a restart tells who reads", HINT in place.said(), place.said())
    (place.own / "list").unlink()
    place.write("own/list", "198.51.100.0/24\n", owner=USER.pw_uid)
    # Nothing is read as root any more, not even the main file: another user in it is not taken.
    text = place.conf.read_text()
    place.write("susmilter.conf", text.replace('user = "nobody"', 'user = ""'))
    lab.wait_for(lambda: place.said().count("ready") > 1, 20, "a worker that can read")
    checks.same("life: still the user", uids(worker_of(daemon)), [str(USER.pw_uid)] * 4)
    checks.true("life: which is told", 'milter.user stays "nobody" until susmilter is restarted'
                in place.said(), place.said())
    checks.true("life: it refuses again", place.answer().startswith("y550 "))
    daemon.stop()
    checks.true("life: nothing of the secret", SECRET not in place.said() + told.stdout +
                told.stderr, place.said())


def history(checks, servers):
    """The user makes its directory: where it cannot, -t tells, and the log why."""
    place = Place(servers, "history")
    for where, wanted in (("history", "Permission denied"), ("own/history", "")):
        place.write("susmilter.conf", place.groups() + place.REST +
                    f'history = {{ directory = "{where}"; min_free = 0; }};\n')
        test, before = place.test(), place.said() if place.log_path.exists() else ""
        checks.same(f"{where}: -t", (test.returncode, "history.directory" in test.stderr,
                                     wanted in test.stderr), (0, bool(wanted), True))
        daemon = place.start()
        lab.wait_for(lambda: "ready" in place.said()[len(before):] or not daemon.alive(), 20,
                     "start")
        said = place.said()[len(before):]
        checks.same(f"{where}: the log", ("history.directory" in said, wanted in said),
                    (bool(wanted), True))
        daemon.stop()
    made = (place.own / "history").stat()
    checks.same("history: owner and mode", (made.st_uid, oct(made.st_mode & 0o777)),
                (USER.pw_uid, "0o750"))


def refused(checks, servers, label, prepare, *wanted):
    """Neither -t nor a start takes it, both say why, and nothing of the secret is shown."""
    place = Place(servers, label.replace(" ", "-").replace("'", ""))
    prepare(place)
    test = place.test()
    daemon = place.start()
    lab.wait_for(lambda: not daemon.alive(), 20, f"{label}: end")
    checks.same(f"{label}: -t", test.returncode, 1)
    checks.same(f"{label}: start", daemon.process.returncode, 1)
    for said in (test.stdout + test.stderr, place.said()):
        for want in wanted:
            checks.true(f"{label}: {want}", want in said, said)
        checks.true(f"{label}: shows nothing", SECRET not in said, said)
    checks.true(f"{label}: leaves no sockets", not place.milter.exists()
                and not place.control.exists())


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    lab.become_root("privileges_test starts susmilter as root")
    checks = Checks("privileges")

    def list_of_roots(place):
        place.write("list", "198.51.100.0/24\n", 0o600)
        place.write("susmilter.conf", place.groups() + place.REST + RULE.format("file:list"))

    def list_is_a_link(place):
        (place.own / "list").symlink_to(place.secret)
        place.write("susmilter.conf", place.groups() + place.REST + RULE.format("file:own/list"))

    def file_of_roots(place):
        place.write("susmilter.conf", place.groups() + place.REST, 0o600)

    def file_is_a_link(place):
        place.conf.symlink_to(place.secret)

    def broken_value(place):
        place.write("susmilter.conf", place.groups() + f'metrics = {{ listen = "{SECRET}"; }};\n')

    def include_of_the_users(place):
        place.write("own/more.conf", place.groups(), owner=USER.pw_uid)
        place.write("susmilter.conf", '@include "own/more.conf"\n' + place.REST)

    def include_of_the_group(place):
        place.write("more.conf", 'metrics = { listen = "127.0.0.1:1"; };\n', 0o664)
        place.write("susmilter.conf", '@include "more.conf"\n' + place.groups() + place.REST)

    def include_is_a_link(place):
        (place.own / "more.conf").symlink_to(place.secret)
        place.write("susmilter.conf", '@include "own/more.conf"\n' + place.groups() + place.REST)

    denied = ("Permission denied", HINT)
    with lab.Lab(build, keep) as servers:
        life(checks, servers)
        history(checks, servers)
        refused(checks, servers, "a list of root's", list_of_roots, "list ", *denied)
        refused(checks, servers, "a list that is a link", list_is_a_link, "own/list ", *denied)
        refused(checks, servers, "a file of root's", file_of_roots, "susmilter.conf:", *denied)
        refused(checks, servers, "a file that is a link", file_is_a_link, "syntax error")
        refused(checks, servers, "a value that is wrong", broken_value,
                "metrics.listen is neither ADDRESS:PORT")
        refused(checks, servers, "an include of the user's", include_of_the_users,
                "more.conf is not root's, or others can write to it")
        refused(checks, servers, "an include that a group can write to", include_of_the_group,
                'metrics.listen is "127.0.0.1:1", but root reads ""')
        refused(checks, servers, "an include that is a link", include_is_a_link, "syntax error")
    sys.exit(checks.summary())


main()
