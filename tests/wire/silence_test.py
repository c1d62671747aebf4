#!/usr/bin/python3
"""silence_test: susmilterctl and a daemon that does not answer, or not yet.

    silence_test.py BUILD_DIRECTORY [--keep]
"""
import os
import pathlib
import resource
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402

SILENT = ("susmilterctl: susmilter on {} has not answered for 10 seconds: it hangs or has no file "
          "descriptors left; see its log, or restart it\n")


class Stuck:
    """Something on a socket that never answers, or only begins to, or takes its time for the rest;
    or that does not even accept, and has no room for one more that waits."""

    def __init__(self, path, accepts=True, says=b"", later=b""):
        self.path, self.says, self.later = path, says, later
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(64 if accepts else 0)
        if accepts:
            threading.Thread(target=self.accept, daemon=True).start()
        else:
            self.waits = socket.socket(socket.AF_UNIX)
            self.waits.connect(str(path))

    def accept(self):
        self.held = []
        while True:
            self.held.append(self.socket.accept()[0])
            self.held[-1].sendall(self.says)
            if self.later:
                threading.Timer(12, self.held[-1].sendall, [self.later]).start()


def silence(checks, servers, daemon):
    """No command hangs with a daemon that does; none is cut off that only takes its time."""
    mute = Stuck(servers.dir / "mute.sock")
    full = Stuck(servers.dir / "full.sock", accepts=False)
    slow = Stuck(servers.dir / "slow.sock", says=b"out 0\n", later=b"out 5\ndone\nexit 0\n")
    asked = []

    def ask(path, *words, stdin=subprocess.DEVNULL):
        start = time.monotonic()
        asked.append((path, words, start, subprocess.Popen(
            [servers.build / "susmilterctl", "--socket", path, *words], stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)))

    # A worker with no descriptor left does not take the connection; for the first it had one ready.
    limits = resource.prlimit(daemon.worker(), resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.worker(), resource.RLIMIT_NOFILE, (3, limits[1]))
    daemon.ctl("status")
    ask(daemon.control, "status")
    for words in ("status", "reload", "check", "whitelist list", "top", "tail", "explain --helo x"):
        ask(mute.path, *words.split())
    endless, feeder = os.pipe()  # its end does not come, nor anything else
    ask(mute.path, "explain", "--batch", stdin=endless)
    ask(full.path, "status")
    ask(full.path, "top")
    for words in ("reload", "tail", "check"):
        ask(slow.path, *words.split())
    for path, words, start, process in asked:
        said, complaint = process.communicate(timeout=60)
        took = time.monotonic() - start
        label = f"{path.name}: {' '.join(words)}"
        if path == slow.path:
            checks.same(f"{label}: is not cut off", (process.returncode, said, complaint),
                        (0, "done\n", ""))
        else:
            checks.same(f"{label}: status", process.returncode, 1)
            checks.same(f"{label}: complaint", complaint, SILENT.format(path))
            checks.true(f"{label}: in time", 9 < took < 20 * lab.slowness(servers.build), took)
    os.close(endless)
    os.close(feeder)
    resource.prlimit(daemon.worker(), resource.RLIMIT_NOFILE, limits)
    checks.same("with descriptors again", daemon.ctl("status").returncode, 0)
    checks.same("an answer begins at once", first_bytes(daemon), b"out 0\n")


def doctor(checks, servers, daemon):
    """The doctor does not wait in the queue of a socket that takes nobody."""
    full = Stuck(servers.dir / "crowd.sock", accepts=False)
    conf = servers.dir / "doctor.conf"
    conf.write_text(daemon.base.replace(str(daemon.control), str(full.path))
                    + 'resolver = { servers = [ "127.0.0.1@1" ]; timeout = 0.1; };\n')
    done = subprocess.run([servers.build / "susmilterctl", "-c", conf, "doctor", "--sendmail",
                           "/dev/null"], capture_output=True, text=True, timeout=60, check=False)
    wanted = f"the control socket {full.path}: Resource temporarily unavailable"
    checks.true("doctor: a socket that takes nobody", wanted in done.stdout, done)


def first_bytes(daemon):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(daemon.control))
        s.settimeout(20)
        s.sendall(b'{"command":"status"}\n')
        return s.recv(6)


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("silence")
    with lab.Lab(build, keep) as servers:
        daemon = servers.daemon("")
        silence(checks, servers, daemon)
        doctor(checks, servers, daemon)
    sys.exit(checks.summary())


main()
