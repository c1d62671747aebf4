"""susmilter: the daemon, with a configuration, a control socket and a log of its own."""
import json
import os
import pathlib
import signal
import subprocess

from server import Server, free_port, wait_for


class Daemon(Server):
    """susmilter in the foreground, with a configuration of its own."""

    def __init__(self, lab, name, conf, lists, socket_spec, env, milter, decisions,
                 state=None, prefix=(), owner=None):
        self.dir = lab.dir / name
        self.dir.mkdir()
        if owner:
            os.chown(self.dir, owner, owner)
        self.lab = lab
        self.prefix = prefix
        self.control = self.dir / "control.sock"
        self.state = state or self.dir / "state"
        self.decisions = decisions or self.dir / "decisions.jsonl"
        self.port = free_port()
        self.milter = socket_spec or f"inet:{self.port}@127.0.0.1"
        self.conf = self.dir / "susmilter.conf"
        self.base = (f'milter = {{ socket = "{self.milter}"; user = ""; {milter} }};\n'
                     f'control = {{ socket = "{self.control}"; }};\n'
                     f'log = {{ decisions = "{self.decisions}"; syslog = false; }};\n'
                     f'state = "{self.state}";\n')
        self.configure(conf, lists)
        self.log_path = self.dir / "log"
        self.log = open(self.log_path, "ab")
        self.env = {**os.environ, **env}
        self.start()

    def start(self):
        """For the first time, or again after stop()."""
        before = self.said().count("ready")
        super().__init__([*self.prefix, self.lab.build / "susmilter", "-f", "-c", self.conf],
                         stdout=self.log, stderr=self.log, env=self.env)
        wait_for(lambda: not self.alive() or self.said().count("ready") > before, 60,
                 "start of susmilter")
        if not self.alive():
            raise RuntimeError("susmilter did not start:\n" + self.said())

    def configure(self, conf, lists=None):
        """Writes the files, each at once whole; nothing is reloaded."""
        for name, text in (lists or {}).items():
            self.write(name, text)
        self.write("susmilter.conf", self.base + conf)

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(text)
        os.replace(new, path)

    def said(self):
        return self.log_path.read_text(errors="replace")

    def worker(self):
        """The pid of the worker that runs now."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def ctl(self, *words, input=None, check=False, seconds=60):
        return subprocess.run([self.lab.build / "susmilterctl", "--socket", self.control, *words],
                              input=input, capture_output=True, text=True,
                              timeout=seconds * self.lab.slowness, check=check)

    def hangup(self):
        self.process.send_signal(signal.SIGHUP)

    def reload(self):
        """SIGHUP, and waits until it is answered in the log."""
        before = self.said().count("reload")
        self.hangup()
        wait_for(lambda: self.said().count("reload") > before, 30, "reload")

    def records(self):
        """The decisions, without the lines that say how many a minute had too many of."""
        if not self.decisions.exists():
            return []
        told = [json.loads(l) for l in self.decisions.read_text().splitlines()]
        return [r for r in told if "suppressed" not in r]
