#!/usr/bin/python3
"""facts_test: criteria on what the DNS says, and lists in the DNS, on the daemon with a real resolver.

    facts_test.py BUILD_DIRECTORY [--keep]

Nobody is refused for DNS that fails, a list whose test points lie is out of use, and no RCPT waits
for more than 8 seconds, whoever's DNS is silent.
"""
import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

RCPT_MAX = 8.0    # seconds for one RCPT (SPEC 4, "Time")
FACT_MAX = 3.0    # … of which one fact may take so many
SLACK = 1.5       # a busy machine

ZONE = """
ok.example                      MX 10 mx.ok.example
null.example                    MX 0 .
silent.example                  MX TIMEOUT
silent.example                  A TIMEOUT
silent.example                  AAAA TIMEOUT
silent.example                  TXT TIMEOUT
192.0.2.1                       PTR mx.ok.example
mx.ok.example                   A 192.0.2.1
192.0.2.2                       PTR away.ok.example
away.ok.example                 A 192.0.2.77
192.0.2.3                       PTR TIMEOUT
2.0.0.127.bl.example            A 127.0.0.2
9.2.0.192.bl.example            A 127.0.0.2
10.2.0.192.bl.example           A 127.255.255.254
3.2.0.192.bl.example            A TIMEOUT
"""
LIES = ZONE + "1.0.0.127.bl.example A 127.0.0.2\n11.2.0.192.bl.example A 127.0.0.2\n"

CONF = """
trusted_networks = [ ]; spf = { fail = "reject"; };
dnsbls = ( { name = "bl"; zone = "bl.example"; answers = [ "127.0.0.2" ]; } );
blocks = (
  { name = "no-domain"; sender_domain = [ "missing", "null-mx" ]; },
  { name = "no-name"; reverse = [ "none", "unconfirmed" ]; recipient = [ "names.test" ]; },
  { name = "on-list"; listed = [ "bl" ]; recipient = [ "list.test" ]; },
  { name = "all"; recipient = [ "all.test" ]; reverse = [ "none" ]; listed = [ "bl" ];
    sender_domain = [ "missing" ]; helo_is = [ "unresolvable" ]; }
);
"""


def ask(daemon, client, sender="a@ok.example", to="b@names.test", helo="mx.ok.example", name=""):
    """(the answer to RCPT, its seconds)"""
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect(name or f"[{client}]", client)
        t.helo(helo)
        t.mail(sender)
        start = time.monotonic()
        return t.rcpt(to), time.monotonic() - start


def is_refused(daemon, code, *args, **more):
    answer, _ = ask(daemon, *args, **more)
    return answer[0] == "y" and code in answer


def is_accepted(daemon, *args, **more):
    return ask(daemon, *args, **more)[0][0] == "c"


def state_of_list(daemon):
    return json.loads(daemon.ctl("status", "--json", check=True).stdout)["dnsbls"][0]


def wait_for_test(daemon):
    for _ in range(100):
        if state_of_list(daemon)["tested"]:
            return
        time.sleep(0.1)


def doctor(daemon):
    return subprocess.run([daemon.lab.build / "susmilterctl", "doctor", "-c", daemon.conf],
                          capture_output=True, text=True, check=False)


def metrics(daemon):
    return subprocess.run(["curl", "-s", f"http://127.0.0.1:{daemon.metrics}/metrics"],
                          capture_output=True, text=True, check=True).stdout


def facts(checks, daemon):
    checks.true("a domain that does not exist",
                is_refused(daemon, "5.1.8", "192.0.2.1", "a@gone.example"))
    checks.true("a null MX", is_refused(daemon, "5.7.27", "192.0.2.1", "a@null.example"))
    checks.true("a domain that is there", is_accepted(daemon, "192.0.2.1"))
    checks.true("no reverse name", is_refused(daemon, "5.7.25", "192.0.2.8"))
    checks.true("one that leads elsewhere", is_refused(daemon, "5.7.25", "192.0.2.2"))
    checks.true("a reverse zone that is silent", is_accepted(daemon, "192.0.2.3"))


def lists(checks, daemon):
    to = {"to": "b@list.test"}
    checks.true("listed", is_refused(daemon, "5.7.1", "192.0.2.9", **to))
    checks.true("not listed", is_accepted(daemon, "192.0.2.8", **to))
    checks.true("127.255.255.254 is no listing", is_accepted(daemon, "192.0.2.10", **to))
    checks.same("… but an error", state_of_list(daemon)["errors"], 1)
    checks.true("in the metrics", 'susmilter_dnsbl_errors_total{list="bl"} 1' in metrics(daemon) and
                'susmilter_dnsbl_in_use{list="bl"} 1' in metrics(daemon), metrics(daemon)[:2000])
    checks.true("undecided rules are counted", 'rule="on-list"} 1' in metrics(daemon))
    done = doctor(daemon)
    checks.true("doctor finds it right", "bl.example answers as it should" in done.stdout,
                done.stdout)


def lying_list(checks, daemon, dns):
    dns.replace(LIES)
    daemon.stop()
    daemon.start()
    wait_for_test(daemon)
    state = state_of_list(daemon)
    checks.true("a list that lists everything is out of use",
                state["tested"] and not state["in_use"], state)
    checks.true("… and refuses nobody", is_accepted(daemon, "192.0.2.11", to="b@list.test"))
    checks.true("… the journal tells", "out of use" in daemon.said(), daemon.said())
    checks.true("… status, too", "OUT OF USE" in daemon.ctl("status").stdout)
    done = doctor(daemon)
    checks.true("… and doctor", "test points of bl.example have a wrong answer" in done.stdout,
                done.stdout)


def whose_time(checks, daemon):
    """Everything that is asked is silent: the client's names, the list, the sender's domain, SPF."""
    answer, took = ask(daemon, "192.0.2.3", "a@silent.example", "b@other.test")
    checks.true("one silent fact and SPF", answer[0] == "c" and took < RCPT_MAX, (answer, took))
    answer, took = ask(daemon, "192.0.2.3", to="b@names.test")
    checks.true("one silent fact", answer[0] == "c" and took < FACT_MAX + SLACK, (answer, took))
    answer, took = ask(daemon, "192.0.2.3", "a@silent.example", "b@all.test", "silent.example")
    checks.true("all of them", answer[0] == "c" and took < RCPT_MAX, (answer, took))


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("facts_test", [], {})
    checks = Checks("facts")
    with lab.Lab(build, keep) as servers:
        dns = servers.dns(ZONE)
        port = lab.free_port()
        daemon = servers.daemon(
            f'metrics = {{ listen = "127.0.0.1:{port}"; }};\n' + dns.resolver + CONF)
        daemon.metrics = port
        wait_for_test(daemon)
        facts(checks, daemon)
        lists(checks, daemon)
        lying_list(checks, daemon, dns)
        whose_time(checks, daemon)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
