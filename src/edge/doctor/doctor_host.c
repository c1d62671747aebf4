#include "edge/doctor/doctor.h"

#include "edge/dns/resolver.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

/* Age of a geo database that is reported; new ones are published weekly or monthly. */
enum { STALE_DAYS = 45 };

/* Limits of the clock check: a log file dated in the future, and a year before this program was
 * written. */
enum { SKEW_SECONDS = 86400, FIRST_YEAR = 2026 };

static void check_database(struct doctor *d, const char *path, uint64_t built)
{
	int64_t days;

	if (built == 0)
		return;
	days = ((int64_t)time(NULL) - (int64_t)built) / 86400;
	if (days > STALE_DAYS)
		doctor_add_finding(d, FINDING_WRONG,
		    "download a new one and run susmilterctl reload",
		    "%s was built %lld days ago: networks have changed owners since", path,
		    (long long)days);
	else
		doctor_add_finding(d, FINDING_GOOD, NULL, "%s is %lld day%s old", path,
		    (long long)days, days == 1 ? "" : "s");
}

static void query_dns(struct doctor *d, struct resolver *resolver)
{
	struct resolver_session session;
	struct dns_answer answer;
	struct dns dns;

	resolver_session_start(&session, resolver);
	dns = resolver_session_dns(&session);
	dns_lookup(&dns, SLICE("example.com"), DNS_MX, d->arena, &answer);
	resolver_session_end(&session);
	if (answer.status == DNS_TEMP)
		doctor_add_finding(d, FINDING_WRONG,
		    "resolver = { servers = [ \"127.0.0.1\" ]; } with a resolver that answers",
		    "DNS: no answer for example.com from %s%s",
		    d->config->resolver_server_count ? d->config->resolver_servers[0] : "?",
		    d->config->resolver_server_count > 1 ? " or the other servers" : "");
	else
		doctor_add_finding(d, FINDING_GOOD, NULL, "DNS: the name servers answer");
}

/* What a definite wrong answer of a test point means is told where it is seen. */
static void check_list(struct doctor *d, struct resolver *resolver, const struct dnsbl *list)
{
	struct resolver_session session;
	enum dnsbl_health health;
	struct dns dns;

	resolver_session_start(&session, resolver);
	dns = resolver_session_dns(&session);
	health = dnsbl_test(list, &dns, d->arena);
	resolver_session_end(&session);
	if (health == DNSBL_RIGHT)
		doctor_add_finding(d, FINDING_GOOD, NULL, "dnsbl %.*s: %.*s answers as it should",
		    SLICE_ARG(list->name), SLICE_ARG(list->zone));
	else if (health == DNSBL_WRONG)
		doctor_add_finding(d, FINDING_WRONG,
		    "take it out of dnsbls, or ask it through a resolver that it serves",
		    "dnsbl %.*s: the test points of %.*s have a wrong answer: it is out of use",
		    SLICE_ARG(list->name), SLICE_ARG(list->zone));
	else
		doctor_add_finding(d, FINDING_NOTE, NULL,
		    "dnsbl %.*s: no answer for the test points of %.*s", SLICE_ARG(list->name),
		    SLICE_ARG(list->zone));
}

static void check_dns(struct doctor *d)
{
	char why[RESOLVER_WHY_MAX];
	struct resolver *resolver = config_resolver(d->config, NULL, NULL, why, sizeof why);

	if (!resolver) {
		doctor_add_finding(d, FINDING_WRONG, NULL, "resolver: %s", why);
		return;
	}
	query_dns(d, resolver);
	for (unsigned i = 0; i < d->rules->dnsbl_count; i++)
		if (d->rules->dnsbls[i].has_test)
			check_list(d, resolver, &d->rules->dnsbls[i]);
	resolver_stop(resolver);
	resolver_free(&resolver);
}

/* Time of the newest file in a directory; 0: unknown. */
static time_t newest_file_time(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	time_t newest = 0;
	struct stat st;

	while (dir && (entry = readdir(dir)))
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mtime > newest)
			newest = st.st_mtime;
	if (dir)
		closedir(dir);
	return newest;
}

static void check_clock(struct doctor *d)
{
	time_t now = time(NULL), newest = newest_file_time("/var/log");
	struct tm tm;

	gmtime_r(&now, &tm);
	if (tm.tm_year + 1900 < FIRST_YEAR)
		doctor_add_finding(d, FINDING_WRONG, "timedatectl set-ntp true",
		    "the clock says %d: expiry of rules and signatures depends on it",
		    tm.tm_year + 1900);
	else if (newest > now + SKEW_SECONDS)
		doctor_add_finding(d, FINDING_WRONG, "timedatectl set-ntp true",
		    "the clock is slow: a file in /var/log is dated %lld hours in the future",
		    (long long)(newest - now) / 3600);
	else
		doctor_add_finding(d, FINDING_GOOD, NULL,
		    "the clock says %04d-%02d-%02d %02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday, tm.tm_hour, tm.tm_min);
}

void doctor_surroundings(struct doctor *d)
{
	check_database(d, d->config->geo_asn, d->config->geo_asn_built);
	check_database(d, d->config->geo_country, d->config->geo_country_built);
	check_dns(d);
	check_clock(d);
}
