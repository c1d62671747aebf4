#!/usr/bin/python3
"""operator_test: what an operator asks of a running daemon: the mode of a rule without an edit.

    operator_test.py BUILD_DIRECTORY [--keep]

Needs no root and no MTA: decisions are made over the milter protocol itself.
"""
import json
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

DIALUP, TRIAL = "198.51.100.7", "203.0.113.7"
CONF = '''
managed_whitelist = "managed";
spf = { fail = "off"; };
susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24" ]; },
              { name = "trial"; networks = [ "203.0.113.0/24" ]; mode = "monitor"; } );
'''


def refused(daemon, client):
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("mx.dialup.example", client)
        t.helo("mx.dialup.example")
        t.mail("a@example.org")
        return t.rcpt("dan@example.net").startswith("y550")


# ---- rule ------------------------------------------------------------------------------------------


def modes_of(daemon):
    """Modes that are set, as status and check know them."""
    asked = [json.loads(daemon.ctl(c, "--json", check=True).stdout)["rule_modes"]
             for c in ("status", "check")]
    return {m["rule"]: m for m in asked[0]} if asked[0] == asked[1] else asked


def rule_modes(checks, daemon):
    checks.same("none at first", modes_of(daemon), {})
    done = daemon.ctl("rule", "dialup", "monitor")
    checks.true("monitor", done.returncode == 0 and "is live" in done.stdout, done)
    checks.same("live at once", refused(daemon, DIALUP), False)
    mode = modes_of(daemon).get("dialup", {})
    checks.same("what is known of it", (mode.get("mode"), mode.get("configured"), mode.get("until")),
                ("monitor", "enforce", None))
    checks.true("by whom and when", mode.get("by") and mode.get("set", "").startswith("20"), mode)
    for command in ("status", "check"):
        checks.true(f"{command} says it", "rule mode    dialup: monitor, configured: enforce"
                    in daemon.ctl(command).stdout)
    checks.true("rules says it", "susranges dialup" in daemon.ctl("rules").stdout
                and "monitor" in [l for l in daemon.ctl("rules").stdout.splitlines()
                                  if l.startswith("susranges dialup")][0])
    daemon.reload()
    checks.same("a reload keeps it", refused(daemon, DIALUP), False)
    daemon.stop()
    daemon.start()
    checks.same("a restart keeps it", refused(daemon, DIALUP), False)
    done = daemon.ctl("rule", "dialup", "enforce")
    checks.true("taken back", done.returncode == 0 and "as configured" in done.stdout, done)
    checks.same("as configured again", (refused(daemon, DIALUP), modes_of(daemon)), (True, {}))
    checks.same("twice is once", daemon.ctl("rule", "dialup", "enforce").returncode, 0)
    said = json.loads(daemon.ctl("rule", "trial", "enforce", "--for", "1h", "--json",
                                 check=True).stdout)
    checks.same("enforce for an hour", (said["mode"], said["configured"], said["until"] is None),
                ("enforce", "monitor", False))
    checks.same("refuses", refused(daemon, TRIAL), True)


def rule_ends(checks, daemon):
    """A mode ends on time, whether the daemon runs or not."""
    modes = daemon.state / "rule-modes"

    def end_in(seconds):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        modes.write_text(f"trial enforce  # expires={at} by=root\n")
    end_in(3)
    daemon.reload()
    checks.same("in force", refused(daemon, TRIAL), True)
    lab.wait_for(lambda: not refused(daemon, TRIAL), 10, "the end of the mode")
    checks.same("nobody has it any more", modes_of(daemon), {})
    end_in(2)
    daemon.reload()
    daemon.stop()
    time.sleep(2.5)
    daemon.start()
    checks.same("an end while it was down", refused(daemon, TRIAL), False)
    daemon.ctl("rule", "dialup", "monitor", "--for", "1h", check=True)
    checks.true("the next change drops it", "trial" not in modes.read_text(), modes.read_text())


def rule_refuses(checks, daemon):
    before = (daemon.state / "rule-modes").read_text()
    for label, argv, status, why in (
            ("a rule that is not there", ("dailup", "monitor"), 1, 'did you mean "dialup"?'),
            ("nothing like it", ("zzz", "monitor"), 1, "`susmilterctl rules` lists them"),
            ("one without a mode", ("exempt_recipients", "monitor"), 1, "no mode of its own"),
            ("another word", ("dialup", "off"), 2, "monitor or enforce"),
            ("no mode", ("dialup",), 2, "usage: susmilterctl rule NAME MODE"),
            ("a time that is none", ("dialup", "enforce", "--for", "soon"), 2, "--for needs")):
        done = daemon.ctl("rule", *argv)
        checks.true(f"not set: {label}", done.returncode == status and why in done.stderr, done)
    daemon.configure("broken = ")
    done = daemon.ctl("rule", "dialup", "enforce")
    checks.true("a configuration that does not load", done.returncode == 1
                and "the mode was not changed" in done.stderr, done)
    checks.same("nothing changed", (before, refused(daemon, DIALUP)),
                ((daemon.state / "rule-modes").read_text(), False))
    # The file has another mode by now than the table: what is asked for is what holds.
    daemon.configure(CONF.replace('"dialup";', '"dialup"; mode = "monitor";'))
    done = daemon.ctl("rule", "dialup", "enforce")
    checks.true("a file that says another", done.returncode == 0 and refused(daemon, DIALUP), done)
    daemon.configure(CONF.replace("dialup", "dialin"))
    daemon.reload()
    checks.true("a rule that was renamed", "there is no such rule" in daemon.said())
    daemon.configure(CONF)
    daemon.reload()
    daemon.ctl("rule", "dialup", "enforce", check=True)


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("operator")
    with lab.Lab(build, keep) as servers:
        daemon = servers.daemon(CONF, {})
        rule_modes(checks, daemon)
        rule_ends(checks, daemon)
        rule_refuses(checks, daemon)
    sys.exit(checks.summary())


main()
