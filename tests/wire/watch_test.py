#!/usr/bin/python3
"""watch_test: what watches susmilter: a Prometheus of its own, the alerts, the dashboard.

    watch_test.py BUILD_DIRECTORY [--keep]

Under mixed traffic: promtool finds nothing to complain of in the metrics, each expression of the
dashboard and of the alerts is answered with data, and the alerts fire when they should and only
then (alerts.yml beside this).
"""
import json
import math
import pathlib
import re
import subprocess
import sys
import urllib.parse
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
import traffic  # noqa: E402
from checks import Checks  # noqa: E402

CONTRIB = lab.TOP / "contrib"
ALERTS = CONTRIB / "prometheus/alerts.yml"
DASHBOARD = CONTRIB / "grafana/susmilter.json"
OPEN = "application/openmetrics-text; version=1.0.0"

SCRAPE = """
global: {{ scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }}
rule_files: [ "{alerts}" ]
scrape_configs:
  - job_name: susmilter
    static_configs: [ {{ targets: [ "127.0.0.1:{port}" ] }} ]
"""
# A list in the DNS that nobody serves: out of use, and the rule that asks it undecided.
DEAD_LIST = """dnsbls = ( { name = "dead"; zone = "dead.bl.test"; of = "client";
             answers = [ "127.0.0.2" ]; } );
blocks = ( { name = "listed"; helo = [ "mx.broken.example" ]; listed = [ "dead" ]; },"""

# What Grafana puts in their place; a rate needs two scrapes.
VARIABLES = {"$instance": ".*", "$__rate_interval": "10s", "$__range": "1m"}
# Until Prometheus has seen so much of every counter, on a busy machine.
DATA_SECONDS = 60


def get(url, accept="text/plain"):
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


class Prometheus:
    def __init__(self, servers, metrics_port):
        self.dir = servers.dir / "prometheus"
        self.dir.mkdir()
        self.port = lab.free_port()
        (self.dir / "conf.yml").write_text(SCRAPE.format(alerts=ALERTS, port=metrics_port))
        self.log = open(self.dir / "log", "ab")
        servers.process([servers.build / "prometheus/usr/bin/prometheus",
                         f"--config.file={self.dir}/conf.yml",
                         f"--storage.tsdb.path={self.dir}/data",
                         f"--web.listen-address=127.0.0.1:{self.port}"],
                        stdout=self.log, stderr=self.log)
        lab.wait_for(self._ready, 60, "start of Prometheus")

    def _ready(self):
        try:
            return get(f"http://127.0.0.1:{self.port}/-/ready")
        except OSError:
            return False

    def ask(self, what, **query):
        _, text = get(f"http://127.0.0.1:{self.port}/api/v1/{what}?"
                      + urllib.parse.urlencode(query))
        return json.loads(text)["data"]

    def values(self, expression):
        """The numbers that an expression has now; those that are none (0/0) are left out."""
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)
        found = [float(r["value"][1]) for r in self.ask("query", query=expression)["result"]]
        return [v for v in found if not math.isnan(v)]


# ---- the text -------------------------------------------------------------------------------------


def promtool(servers, *words, **options):
    done = subprocess.run([servers.build / "prometheus/usr/bin/promtool", *words],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          **options)
    return done.returncode, done.stdout


def texts(checks, servers, daemon, url):
    """Both formats over HTTP, and the file; promtool reads only the older one."""
    kind, text = get(url)
    checks.same("HTTP: the older format", kind, "text/plain; version=0.0.4; charset=utf-8")
    checks.same("promtool check metrics, HTTP", promtool(
        servers, "check", "metrics", input=text), (0, ""))
    file = (daemon.dir / "susmilter.prom").read_text()
    checks.same("promtool check metrics, the file", promtool(
        servers, "check", "metrics", input=file), (0, ""))

    def names(text):
        return re.findall(r"^# TYPE (\w+)", text, re.M)
    checks.same("the file has the same metrics", names(file), names(text))
    kind, text = get(url, OPEN)
    checks.true("HTTP: OpenMetrics", kind.startswith(OPEN), kind)
    families = list(text_string_to_metric_families(text))
    checks.true("OpenMetrics can be read", len(families) == len(names(file)), len(families))
    for family in families:
        checks.true(f"{family.name} has samples and help", family.samples and family.documentation)


def states(checks, daemon, url):
    """What is there from the start: a series for each rule, its mode, what kept it; and HEAD."""
    def value(series):
        found = re.search("^" + re.escape(series) + r" (\S+)$", get(url)[1], re.M)
        return float(found[1]) if found else None
    checks.same("a rule that nothing met", value('susmilter_decisions_total{family="susranges",'
                'rule="trial",action="reject",mode="monitor"}'), 0)
    for series, want in (('susmilter_mode{mode="enforce"}', 1),
                         ('susmilter_mode{mode="monitor"}', 0),
                         ('susmilter_rule_monitor{family="susranges",rule="trial"}', 1),
                         ('susmilter_rule_monitor{family="susranges",rule="dialup"}', 0),
                         ('susmilter_rule_expires_timestamp_seconds{family="susranges",'
                          'rule="trial"}', 4102444800), ("susmilter_sessions_max", 2000)):
        checks.same(series, value(series), want)
    checks.true("the version", re.search(r'^susmilter_build_info\{version="[^"]+"\} 1$',
                                         get(url)[1], re.M))
    path = daemon.dir / "dialup.cidr"
    written = value(f'susmilter_list_modified_timestamp_seconds{{path="{path}"}}')
    checks.same("when a list was written", written, int(path.stat().st_mtime))
    daemon.ctl("rule", "dialup", "monitor", "--for", "1h", check=True)
    checks.same("a mode that was set", value(
        'susmilter_rule_monitor{family="susranges",rule="dialup"}'), 1)
    daemon.ctl("rule", "dialup", "enforce", check=True)
    checks.true("nothing that has not happened is in stats", "trial" not in
                daemon.ctl("stats", check=True).stdout)
    request = urllib.request.Request(url, method="HEAD")
    with urllib.request.urlopen(request, timeout=20) as answer:
        checks.same("HEAD", (answer.status, answer.headers["Content-Type"], answer.read()),
                    (200, "text/plain; version=0.0.4; charset=utf-8", b""))


# ---- what is asked of it ----------------------------------------------------------------------------


def dashboard_expressions():
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']}, {target['refId']}", target["expr"]


def layout(checks):
    """No panel lies on another, and all have a place in Grafana's 24 columns."""
    taken = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at, title = panel["gridPos"], panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        checks.true(f"{title}: its place", at["x"] + at["w"] <= 24 and not cells & taken.keys(),
                    {taken[c] for c in cells & taken.keys()})
        taken.update(dict.fromkeys(cells, title))


def alert_selectors(rules):
    """An alert that does not fire has no data itself: what it looks at must have some."""
    for rule in rules:
        for selector in sorted(set(re.findall(r"susmilter_\w+|up\{[^}]*\}", rule["query"]))):
            yield f"alert {rule['name']}, {selector}", selector


def answers(checks, prometheus):
    lab.wait_for(lambda: prometheus.values('up{job="susmilter"}') == [1], DATA_SECONDS, "a scrape")
    lab.wait_for(lambda: prometheus.ask("rules")["groups"][0]["rules"][0]["health"] == "ok",
                 DATA_SECONDS, "a look at the rules")
    rules = prometheus.ask("rules")["groups"][0]["rules"]
    answered = 0
    for label, expression in [*dashboard_expressions(), *alert_selectors(rules)]:
        try:
            lab.wait_for(lambda: prometheus.values(expression), DATA_SECONDS, "data")
            answered += 1
        except TimeoutError:
            checks.true(f"{label} is answered with data", False, expression)
    print(f"watch: {answered} expressions of the dashboard and of {len(rules)} alerts have data")
    # One may be pending: in its first minute the daemon has written nothing for reports.
    for rule in prometheus.ask("rules")["groups"][0]["rules"]:
        checks.true(f"alert {rule['name']}", rule["health"] == "ok" and rule["state"] != "firing",
                    rule)


def alarm(checks, prometheus, daemon):
    """One that fires at once, from end to end."""
    daemon.configure("broken = ")
    daemon.reload()
    lab.wait_for(lambda: [a["labels"]["alertname"] for a in prometheus.ask("alerts")["alerts"]
                          if a["state"] == "firing"] == ["SusmilterReloadFailed"],
                 DATA_SECONDS, "the alert of a failed reload")
    checks.true("a failed reload fires its alert", True)


def counts(checks, daemon, url):
    """The numbers of reports are the same in metrics and status, and none is missing."""
    daemon.ctl("report", "example.org", check=True)  # writes what waits
    _, text = get(url)
    seen = {name: int(float(value)) for name, value in
            re.findall(r"^susmilter_reports_(\w+) (\S+)$", text, re.M)}
    told = json.loads(daemon.ctl("status", "--json", check=True).stdout)["reports"]
    checks.true("refusals were counted for reports", told["counted"] > 0, told)
    checks.same("… all of them are written", (told["written"], told["waiting"], told["lost"]),
                (told["counted"], 0, 0))
    checks.same("… and metrics say so, too",
                (seen["counted_total"], seen["written_total"], seen["waiting"], seen["lost_total"]),
                (told["counted"], told["written"], 0, 0))
    text = daemon.ctl("status", check=True).stdout
    checks.true("… and status, for people", f"{told['counted']} refusals counted, "
                f"{told['counted']} written, 0 waiting, 0 lost" in text, text)


def rule_names(checks, daemon):
    """Text has a rule's name and its comment; the page, for readers who do not know our names, has
    the comment alone, or the name where there is none."""
    text = daemon.ctl("report", "example.org", check=True).stdout
    page = daemon.ctl("report", "example.org", "--html", check=True).stdout
    checks.true("report: name and comment", "  susranges dialup: dynamic addresses\n" in text, text)
    checks.true("report: a name alone", "  susranges hosting\n" in text, text)
    checks.true("report --html: a comment alone",
                ">dynamic addresses<" in page and "dialup" not in page, page)
    checks.true("report --html: a name without comment", ">susranges hosting<" in page, page)


def report(checks, daemon):
    """The same as an object; and what it does not take."""
    told = json.loads(daemon.ctl("report", "Example.ORG", "--json", check=True).stdout)
    checks.same("report --json: the domain", told["domain"], "example.org")
    checks.true("report --json: refusals", told["refused"] > 0 and told["would_refuse"] > 0, told)
    checks.same("report --json: by family", sum(told["families"].values()), told["refused"])
    checks.same("report --json: by family, of monitor mode",
                sum(told["would_families"].values()), told["would_refuse"])
    checks.same("report --json: by hour",
                (sum(h["refused"] for h in told["hours"]), sum(h["would"] for h in told["hours"])),
                (told["refused"], told["would_refuse"]))
    checks.true("report --json: by recipient",
                all(r["key"].startswith("user") and r["count"] > 0 for r in told["recipients"])
                and told["recipients"], told["recipients"])
    checks.true("report --json: by rule", "dialup" in str(told["rules"]), told["rules"])
    for words, status, wanted in (
            ((), 2, "report: needs a recipient domain, such as example.org, or --all"), (("..",), 2, "report: "),
            (("example.org", "--since", "1s"), 2, "--since needs a duration")):
        done = daemon.ctl("report", *words)
        checks.true(f"report {words}", done.returncode == status and wanted in done.stderr, done)


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("watch")
    with lab.Lab(build, keep) as servers:
        checks.same("promtool check rules", promtool(servers, "check", "rules", ALERTS)[0], 0)
        status, said = promtool(servers, "test", "rules", HERE / "alerts.yml",
                                HERE / "alerts_days.yml")
        checks.true("promtool test rules", status == 0, said)
        layout(checks)
        port = lab.free_port()
        url = f"http://127.0.0.1:{port}/metrics"
        dns = servers.dns(traffic.ZONE)
        daemon = servers.daemon(
            traffic.CONF.replace("blocks = (", DEAD_LIST) + dns.resolver + 'reports = { database = "reports.sqlite"; };\n'
            f'metrics = {{ listen = "127.0.0.1:{port}"; file = "susmilter.prom"; }};\n',
            traffic.LISTS)
        states(checks, daemon, url)
        prometheus = Prometheus(servers, port)
        with traffic.Traffic(daemon):
            answers(checks, prometheus)
            texts(checks, servers, daemon, url)
        counts(checks, daemon, url)
        rule_names(checks, daemon)
        report(checks, daemon)
        alarm(checks, prometheus, daemon)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
