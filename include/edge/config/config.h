#ifndef EDGE_CONFIG_CONFIG_H
#define EDGE_CONFIG_CONFIG_H
/*
 * config: the configuration file and its lists → one ruleset, and the settings of the edge.
 *
 *     struct diag *r = diag_create();
 *     struct ruleset *rules;
 *     struct config *c = config_load("/etc/susmilter/susmilter.conf", NULL, r, &rules);
 *     if (!c) diag_each(r, print, NULL);         // all errors of the run, each file:line: reason
 *
 * Every key is one row of a table (name, type, range, default, where it goes).  libconfig runs in a
 * process of its own (edge/syntax), since it does not survive a lack of memory.  Reading has no
 * effect on anything else: a load may be tried, and thrown away, beside a running table.
 *
 * Where SPEC 3 leaves it open: `expires` with a date alone is the end of that day, UTC.  @include
 * stands in a line of its own and is relative to the file that it stands in.  AS numbers above
 * 2147483647 are strings ("AS4200000000"), since libconfig's numbers end there.
 *
 * Entries of the managed whitelist (edge/managed/managed.h) that end together become one rule named
 * "managed" (names: another one, with both proofs), behind those of `whitelist`.  A file that is
 * not there is an empty list.
 */
#include "core/base/diag.h"
#include "core/change/decision_row.h"
#include "core/rules/ruleset.h"
#include "edge/dns/resolver.h"
#include "edge/managed/managed.h"
#include "edge/state/copies.h"

struct geo_db;
struct geo_place;
struct survey;

enum { CONFIG_SERVERS_MAX = 8 };

/* What the process needs beside the ruleset.  Strings are NUL-terminated, paths are absolute or
 * relative to the working directory (already resolved against the configuration file), "" and 0
 * mean "not set" where the default allows it. */
struct config {
	struct arena *arena;
	const char *path; /* of the configuration file itself */

	const char *milter_socket; /* libmilter spelling; unix:PATH is resolved */
	unsigned milter_socket_mode;
	const char *milter_socket_group;
	const char *milter_user;
	unsigned milter_max_sessions;

	const char *control_socket;
	const char *policy_socket; /* libmilter spelling; "" = off */
	unsigned policy_socket_mode;
	const char *policy_socket_group;
	bool policy_failure_tempfail;
	const char *metrics_listen; /* "" = off */
	const char *metrics_file;   /* for node_exporter, "" = none */

	const char *resolver_servers[CONFIG_SERVERS_MAX];
	unsigned resolver_server_count;
	double resolver_timeout; /* seconds */

	const char *geo_asn, *geo_country;
	/* build times of the MMDBs that were used (seconds since the epoch), 0 = none */
	uint64_t geo_asn_built, geo_country_built;
	struct geo_db *geo_asn_db,
	    *geo_country_db; /* for the log (edge/config/geo.h); NULL = none */

	const char *log_decisions; /* "" = no file */
	bool log_syslog;
	unsigned log_per_recipient_minute;

	const char *history_directory; /* "" = none */
	unsigned history_keep_days;
	uint64_t history_max_bytes;
	unsigned history_min_free; /* per cent of the file system */
	enum row_local_parts history_local_parts;
	unsigned history_per_network_minute;
	unsigned history_evaluate; /* SPF, DKIM, DMARC of 1 in so many connections; 0: none */

	const char *reports_database; /* "" = none */
	unsigned reports_keep_days;

	const char *managed_whitelist; /* the file that susmilterctl edits, "" = none */
	const char *state;             /* the state directory, "" = none */
	const char *copies_directory;  /* the state directory in which copies are */

	struct loaded *loaded; /* the files that were read; texts until loaded_release() */
	/* of a generation that was loaded from copies: of which, and where they are; else NULL */
	struct copies *from;
	enum copies_set from_set;
};

/* What is asked of a load beside the file. */
struct config_request {
	const char *path;
	const struct config
	    *previous;         /* may be NULL; MMDBs older than its are refused, and feeds
				* that are not taken keep the entries that they have in it */
	struct survey *survey; /* may be NULL; is filled as well (core/rules/survey.h) */
	int64_t now;           /* seconds since the epoch; 0 = the clock */
	/* Mail will be decided by it.  Otherwise who cannot read the copies of feeds is only
	 * warned. */
	bool live;
	const char *take; /* the rule whose shrunken feeds are taken; NULL: none */
	/* Loads these copies instead of the files; NULL: the files.  A copy is made. */
	const struct copies *from;
	enum copies_set from_set;
	struct loaded **refused; /* gets what was read when there are errors; may be NULL */
};

/*
 * Loads, validates and builds.  NULL when diag holds an error; then *rules is NULL too.
 * The caller owns both results and gives a new, empty diag.  Safe in any thread, several at once.
 */
struct config *config_request(const struct config_request *, struct diag *, struct ruleset **rules);

/* The same for what is no request of a running daemon: a check, or the file alone. */
struct config *config_load(
    const char *path, const struct config *previous, struct diag *, struct ruleset **rules);

/*
 * What a process must know before it becomes the user of the configuration: of the groups milter,
 * control, policy and metrics what names sockets, files and that user; all else in *config is
 * empty.  Reads no list and no database, and as root no included file but root's own that nobody
 * else can write to; and its errors quote nothing of what was read, since the daemon's user may
 * have made the file a link.  NULL when diag holds an error.
 */
struct config *config_load_start(const char *path, struct diag *);

/*
 * Compares what was read at the start with a configuration that was loaded later.  Differences are
 * warnings, since only a restart changes sockets and user; when it is the start itself, and root
 * did not read what its user reads, they are errors.
 */
void config_compare_start(
    const struct config *start, const struct config *loaded, bool starting, struct diag *);

/* Where a file could not be opened for want of rights: who reads it, and what to do; a warning. */
void config_warn_denied(const struct config *start, struct diag *);

/* A list of the managed whitelist with nothing around it; as managed_try_fn. */
bool config_try_managed(const char *path, char why[MANAGED_WHY_MAX]);

struct config *config_survey(const char *path, const struct config *previous, struct diag *,
    struct ruleset **rules, struct survey *);

/*
 * What this host has against starting with a configuration that was loaded, at its line: a user or
 * group that is not there is an error.  A decision log that cannot be opened is a warning, since
 * its directory may be made by what starts the daemon (LogsDirectory= of systemd).  Rights are
 * tried as the user of the configuration, which takes root or that user; reads the file again.
 */
void config_check_start(const struct config *, struct diag *);

/*
 * The resolver of a configuration, or NULL and the reason (RESOLVER_WHY_MAX).  `waits` and `still`
 * as in its settings.  A check starts one and ends it: an error when none starts.  Lines of
 * resolv.conf that are ignored, and what is asked instead, are warnings (edge/dns/resolvconf.h).
 */
struct resolver *config_resolver(
    const struct config *, void (*waits)(void), void (*still)(void), char *why, size_t size);
bool config_check_resolver(const struct config *, struct diag *);
bool config_uses_resolvconf(const struct config *);
void config_warn_resolvconf(const struct config *, struct diag *);

/* Of that only whether others than the MTA can reach the milter socket: a warning. */
void config_check_reach(const struct config *, struct diag *);

/*
 * The milter socket that is used where none is named: below `queue`, Postfix's queue directory,
 * when our directory is there, which a chrooted smtpd sees; else in /run/susmilter.
 */
const char *config_default_socket(struct arena *, const char *queue);

/*
 * A configuration that is loaded from copies takes what says how long and where records are kept
 * from the one that it replaces: an undo of rules deletes no history.  False when out of memory.
 */
bool config_keep_records(struct config *, const struct config *replaced);

void config_free(struct config **);

/* Every option with its group ("" = top level) and its default as text, in the order of the
 * table: for the test that holds the shipped configuration and the manual page against it. */
void config_each_option(
    void (*each)(void *context, const char *group, const char *key, const char *fallback),
    void *context);

/* The ordinary names and addresses by which patterns that match nearly everything are known: for
 * the test that holds the manual page against them. */
void config_each_ordinary(void (*each)(void *context, const char *text), void *context);

/* An entry as it stands in the configuration or one of its files. */
struct config_entry {
	enum family family;
	struct slice name; /* of the rule */
	const struct rule
	    *rule; /* of the table; NULL: it has none of this name, or it is managed */
	unsigned slot;
	const char *key;           /* "networks", "asn", …, also of `unless` */
	const struct entry *entry; /* NULL: an AS or a country, by its rank */
	enum member_rank rank;
	uint32_t number;
	bool out;
	struct slice text; /* as it is written */
	bool feed;
	int64_t expires;     /* of the rule, or of the line of the managed whitelist; 0 = never */
	struct origin where; /* line 0: a default, which stands nowhere */
};
typedef void config_entry_fn(void *context, const struct config_entry *);

/* The switches that the name of recipient domains gives (bits of enum switch_key); the empty name
 * is "*". */
struct config_domain {
	enum entry_kind kind;
	struct slice name;
	struct switches switches;
	unsigned given;
	struct origin where;
};

struct config_visitor {
	config_entry_fn *entry;
	void (*domain)(void *context, const struct config_domain *); /* NULL: not asked for */
	void *context;
};

/*
 * Reads the files again as they are today and visits every entry of every rule, then every
 * recipient domain; what it gives is valid for the call.  Rules are found by name in the table.
 * False after errors, in diag; entries that are no entries are left out.
 */
bool config_each_entry(
    const struct config *, const struct ruleset *, const struct config_visitor *, struct diag *);

/* True when the AS or country that the entry names is that of the place. */
bool config_entry_is_of(const struct config_entry *, const struct geo_place *);

/* The number that an entry of `country` has for that place; 0: its country is not known. */
uint32_t config_country_number(const struct geo_place *);

/*
 * The line that holds an entry, for explaining: of the rule's key (slot) find where `entry`, as
 * core writes it ("198.51.100.0/24", ".monster", "user@example.com"), stands today.  Reads the
 * files again, so that the table need not keep a line for each of a million entries.  Returns a
 * text "file:line" in the arena, or an empty slice when it is not there (any more).
 */
struct slice config_find_entry(
    const struct config *, const struct rule *, unsigned slot, struct slice entry, struct arena *);

#endif
