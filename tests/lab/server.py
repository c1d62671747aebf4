"""server: a process of a test, and what every server of a test needs: a port, and patience."""
import socket
import subprocess
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise TimeoutError(f"{what} did not happen within {seconds} seconds")


def same_family(addresses, source):
    """The first address to which `source` can connect."""
    return next(a for a in addresses if (":" in a) == (":" in (source or a)))


def port_open(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(1)
        return s.connect_ex((address, port)) == 0


class Server:
    """A process of ours, ended by its pid."""

    def __init__(self, argv, **options):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def stop(self, seconds=40):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
