"""island: a test with a network, host names and mounts of its own.

    island.enter("mta_test", addresses=["198.51.100.7", "2001:db8:7::7"],
                 names={"198.51.100.7": "mx.good.example"})

The first call starts the program again inside new network, mount and UTS namespaces; there it
returns, with the addresses on the loopback interface, and with an /etc/hosts that knows exactly
these names.  Everything is gone with the process.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import lab

MARK = "SUSMILTER_ISLAND"
# A folder that only the island has, below no folder that everybody may write.
PLACE = pathlib.Path("/mnt")


def enter(what, addresses, names):
    lab.become_root(f"{what} makes a network of its own")
    if os.environ.get(MARK) != str(os.getppid()):
        run_inside(what)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in addresses:
        subprocess.run(["ip", "address", "add", address, "dev", "lo"]
                       + (["nodad"] if ":" in address else []), check=True)
    hosts = "".join(f"{address} {name}\n" for address, name in names.items())
    cover("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n" + hosts)
    cover("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
    subprocess.run(["hostname", "island.lab.test"], check=True)
    small_disk(PLACE, 1024)


def run_inside(what):
    """Never returns: the parent waits for the islander and ends as it ends."""
    done = subprocess.run(["unshare", "--net", "--mount", "--uts", sys.executable, *sys.argv],
                          env={**os.environ, MARK: str(os.getpid())}, check=False)
    if done.returncode < 0:
        print(f"{what}: ended by signal {-done.returncode}", file=sys.stderr)
    sys.exit(abs(done.returncode))


def cover(path, text):
    """Another text for a file of the system, seen on the island only."""
    fd, cover_path = tempfile.mkstemp(prefix="susmilter-island.")
    os.close(fd)
    pathlib.Path(cover_path).write_text(text)
    os.chmod(cover_path, 0o644)
    subprocess.run(["mount", "--bind", cover_path, path], check=True)
    os.unlink(cover_path)  # the mount holds on to it


def small_disk(path, kib):
    """A file system of so many KiB at path, which should be below PLACE: a mount point elsewhere
    would stay behind as an empty folder."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=755", "tmpfs", path],
                   check=True)
