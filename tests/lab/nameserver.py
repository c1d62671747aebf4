"""nameserver: a name server on loopback whose zone is text."""
import pathlib
import signal
import subprocess

from server import Server

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "fake/dnsserver.py"


class Dns(Server):
    """tests/fake/dnsserver.py on a port of its own; each of several has a file of its own name."""

    def __init__(self, lab, zone, name="zone"):
        self.zone = lab.dir / name
        self.zone.write_text(zone)
        super().__init__(["/usr/bin/python3", PROGRAM, self.zone],
                         stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.resolver = f'resolver = {{ servers = [ "127.0.0.1@{self.port}" ]; }};\n'

    def replace(self, zone):
        self.zone.write_text(zone)
        self.process.send_signal(signal.SIGHUP)
        assert self.process.stdout.readline().startswith("reloaded")
