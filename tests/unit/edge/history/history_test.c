/*
 * history_test: decisions on their way to the disk and found again: by id and by key, live, after a
 * restart and after a kill -9; rows that are shared; local parts that are not kept; what is erased,
 * what expires, and a disk that takes nothing.
 */
#include "edge/history/history.h"
#include "edge/history/history_find.h"
#include "edge/idn/idn.h"
#include "unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FLUSH_MS = 20000 };

static char path[] = "/tmp/history_XXXXXX";
static struct history *history;
static struct history_settings settings;
static const struct rule dialup = {.name = SLICE_INIT("dialup"), .family = FAMILY_SUSRANGES};

static void begin(void)
{
	memcpy(path + sizeof path - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(path));
	settings = (struct history_settings){
	    .directory = path,
	    .keep_days = 30,
	    .max_bytes = UINT64_C(1) << 30,
	    .per_network_minute = 5,
	};
	history = history_create(&settings);
	ck_assert_ptr_nonnull(history);
}

static void remove_files(void)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char name[400];

	while (dir && (entry = readdir(dir))) {
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		unlink(name);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static void end(void)
{
	history_free(&history);
	remove_files();
}

static void restart(void)
{
	history_free(&history);
	history = history_create(&settings);
	ck_assert_ptr_nonnull(history);
}

static struct identity known(const char *text, struct arena *arena)
{
	struct address address;

	address_parse(slice_str(text), &idn_lenient, arena, &address);
	address.text = slice_str(text);
	return identity_of_address(&address);
}

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* One decision, as the worker records it; its id in token[]. */
static void decide(
    const char *client, const char *sender, const char *recipient, bool refused, char token[17])
{
	struct facts facts = {.auth_state = FACT_ABSENT};
	struct verdict verdict = {.kind = VERDICT_CONTINUE};
	struct reply reply = {.code = 550, .xcode = "5.7.1"};
	struct record_number number = {.row = 0};
	struct arena *arena = arena_create(1 << 16);
	struct record record = {
	    .time_us = now_us(),
	    .took_us = 12,
	    .session = SLICE("qrstuvwxyz234567"),
	    .generation = 7,
	    .stage = STAGE_RCPT,
	    .facts = &facts,
	};

	ck_assert_ptr_nonnull(arena);
	ck_assert(ip_parse(slice_str(client), &facts.client));
	facts.id[IDENTITY_SENDER] = known(sender, arena);
	facts.id[IDENTITY_RECIPIENT] = known(recipient, arena);
	facts.id[IDENTITY_HELO] = known("mx.example.org", arena);
	if (refused)
		verdict = (struct verdict){.kind = VERDICT_FINAL,
		    .action = ACTION_REJECT,
		    .family = FAMILY_SUSRANGES,
		    .reason = REASON_RULE,
		    .rule = &dialup};
	record.decision = decision_of(&verdict);
	token[0] = '\0';
	if (history_number(history, &record, &number)) {
		record.token = slice_of(number.token, TOKEN_CHARS);
		memcpy(token, number.token, TOKEN_CHARS);
		token[TOKEN_CHARS] = '\0';
	}
	record.number = &number;
	if (refused) {
		snprintf(reply.text, sizeof reply.text, "No, %s: (%s). https://h/%s", recipient,
		    strrchr(sender, '@') ? strrchr(sender, '@') + 1 : sender, token);
		record.reply = &reply;
	}
	history_record(history, &record);
	arena_free(&arena);
}

struct found {
	unsigned rows;
	uint64_t count;
	char sender[200], recipient[200], id[17];
};

static bool take_row(void *context, const struct decision_row *row)
{
	struct found *f = context;

	if (f->rows++ > 0)
		return true;
	f->count = row->count;
	snprintf(f->sender, sizeof f->sender, "%.*s", SLICE_ARG(row->text[ROW_SENDER]));
	snprintf(f->recipient, sizeof f->recipient, "%.*s", SLICE_ARG(row->text[ROW_RECIPIENT]));
	snprintf(f->id, sizeof f->id, "%.*s", SLICE_ARG(row->id));
	return true;
}

static struct found find(struct history_query query)
{
	char why[HISTORY_FIND_WHY_MAX];
	struct history_reader *reader = history_reader_open(path, why);
	struct history_scan scan;
	struct found found = {.rows = 0};

	ck_assert_msg(reader != NULL, "%s", why);
	ck_assert_msg(history_find(reader, &query, take_row, &found, &scan, why), "%s", why);
	ck_assert_uint_eq(scan.damaged_blocks + scan.damaged_rows, 0);
	history_reader_free(&reader);
	return found;
}

static struct found look_up(const char *id)
{
	char why[HISTORY_FIND_WHY_MAX];
	struct history_reader *reader = history_reader_open(path, why);
	struct history_scan scan;
	struct found found = {.rows = 0};

	ck_assert_msg(reader != NULL, "%s", why);
	if (history_find_decision(reader, slice_str(id), take_row, &found, &scan, why) ==
	    HISTORY_FOUND)
		ck_assert_uint_gt(found.rows, 0);
	history_reader_free(&reader);
	return found;
}

/* ---- found --------------------------------------------------------------------------- */

START_TEST(by_id)
{
	char refused[17], accepted[17], url[80];

	decide("198.51.100.7", "a@example.org", "b@example.net", true, refused);
	decide("192.0.2.7", "c@example.org", "d@example.net", false, accepted);
	history_flush(history, FLUSH_MS);
	ck_assert_str_eq(look_up(refused).sender, "a@example.org");
	ck_assert_str_eq(look_up(accepted).sender, "c@example.org");
	ck_assert_str_eq(look_up(accepted).id, accepted);
	snprintf(url, sizeof url, "https://H.example/D/%s", refused);
	for (char *c = url; *c; c++)
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
	ck_assert_str_eq(look_up(url).recipient, "b@example.net");
	refused[3] = refused[3] == 'a' ? 'b' : 'a';
	ck_assert_uint_eq(look_up(refused).rows, 0);
}
END_TEST

static const struct {
	const char *label;
	struct history_query query;
	unsigned rows;
} queries[] = {
    {"all", {.count = 0}, 4},
    {"the newest", {.count = 1}, 1},
    {"client", {.client = SLICE_INIT("198.51.100.7")}, 1},
    {"network", {.client = SLICE_INIT("198.51.100.0/24")}, 2},
    {"sender", {.sender = SLICE_INIT("A@Example.org")}, 2},
    {"domain", {.sender = SLICE_INIT("example.org")}, 3},
    {"@domain", {.recipient = SLICE_INIT("@example.net")}, 3},
    {"below", {.recipient = SLICE_INIT(".example.net")}, 4},
    {"star", {.sender = SLICE_INIT("*@*.org")}, 3},
    {"question mark", {.sender = SLICE_INIT("?@example.org")}, 3},
    {"null sender", {.sender = SLICE_INIT("<>")}, 1},
    {"helo", {.helo = SLICE_INIT("mx.example.org")}, 4},
    {"rule", {.rule = SLICE_INIT("dial*")}, 2},
    {"action", {.action = SLICE_INIT("accept")}, 2},
    {"both", {.sender = SLICE_INIT("a@example.org"), .recipient = SLICE_INIT("d@example.net")}, 1},
    {"both, never together", {.client = SLICE_INIT("192.0.2.7"), .rule = SLICE_INIT("dialup")}, 0},
    {"nobody", {.sender = SLICE_INIT("nobody@example.org")}, 0},
    {"long ago", {.until_ms = 1000}, 0},
    {"to come", {.since_ms = INT64_C(4000000000000)}, 0},
};

START_TEST(by_key)
{
	char token[17];

	decide("198.51.100.7", "a@example.org", "b@example.net", true, token);
	decide("198.51.100.8", "c@example.org", "b@example.net", true, token);
	decide("192.0.2.7", "a@example.org", "d@example.net", false, token);
	decide("192.0.2.8", "<>", "e@sub.example.net", false, token);
	history_flush(history, FLUSH_MS);
	if (_i == 1) { /* in sealed segments, which have a filter */
		restart();
		for (int n = 0; n < 3; n++)
			history_flush(history, FLUSH_MS);
	}
	for (size_t i = 0; i < ROWS(queries); i++)
		ck_assert_msg(find(queries[i].query).rows == queries[i].rows, "%s: %u",
		    queries[i].label, find(queries[i].query).rows);
}
END_TEST

static bool in_order(void *context, const struct decision_row *row)
{
	struct found *f = context;

	ck_assert_int_ge(row->time_ms, (int64_t)f->count);
	f->count = (uint64_t)row->time_ms;
	f->rows++;
	return true;
}

/* Rows of both halves, from several segments, in the order of their decisions. */
START_TEST(replayed)
{
	enum { TIMES = 3, EACH_TIME = 30 };
	char token[17], sender[40], why[HISTORY_FIND_WHY_MAX];
	struct history_reader *reader;
	struct history_scan scan;
	struct found found = {.rows = 0};

	settings.per_network_minute = 600;
	history_configure(history, &settings);
	for (int i = 0; i < TIMES * EACH_TIME; i++) {
		snprintf(sender, sizeof sender, "s%d@example.org", i);
		decide("198.51.100.7", sender, "b@example.net", i % 3 == 0, token);
		usleep(1000);
		if (i % EACH_TIME == EACH_TIME - 1)
			restart();
	}
	reader = history_reader_open(path, why);
	ck_assert_ptr_nonnull(reader);
	ck_assert(history_replay(reader, 0, 0, true, in_order, &found, &scan, why));
	ck_assert_uint_eq(found.rows, TIMES * EACH_TIME);
	found = (struct found){.rows = 0};
	ck_assert(history_replay(reader, INT64_MAX - 1, 0, false, in_order, &found, &scan, why));
	ck_assert_uint_eq(found.rows, 0);
	history_reader_free(&reader);
}
END_TEST

START_TEST(after_restarts)
{
	enum { TIMES = 5 };
	char tokens[TIMES][17], sender[40];

	for (int i = 0; i < TIMES; i++) {
		snprintf(sender, sizeof sender, "s%d@example.org", i);
		decide("198.51.100.7", sender, "b@example.net", true, tokens[i]);
		restart();
	}
	history_flush(history, FLUSH_MS);
	for (int i = 0; i < TIMES; i++) {
		snprintf(sender, sizeof sender, "s%d@example.org", i);
		ck_assert_str_eq(look_up(tokens[i]).sender, sender);
	}
	ck_assert_uint_eq(find((struct history_query){.count = 0}).rows, TIMES);
}
END_TEST

/* Ids whose rows were never written are not those of later rows: no second start has a run that was
 * there, however soon it comes. */
START_TEST(never_twice)
{
	enum { TIMES = 6 };
	struct facts facts = {.auth_state = FACT_ABSENT};
	struct verdict verdict = {.kind = VERDICT_CONTINUE};
	struct record record = {
	    .time_us = now_us(), .facts = &facts, .decision = decision_of(&verdict)};
	struct record_number number[TIMES];

	for (int i = 0; i < TIMES; i++) {
		ck_assert(history_number(history, &record, &number[i]));
		for (int k = 0; k < i; k++)
			ck_assert_mem_ne(number[k].token, number[i].token, TOKEN_CHARS);
		restart();
	}
}
END_TEST

/* The child is killed in the middle: all that it had flushed is there, and no id is given twice. */
START_TEST(after_kill)
{
	enum { ROWS_FLUSHED = 100 };
	char tokens[ROWS_FLUSHED][17], token[17], sender[40];
	int pipes[2];
	pid_t child;

	history_free(&history);
	ck_assert_int_eq(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		history = history_create(&settings);
		for (int i = 0; i < ROWS_FLUSHED; i++) {
			snprintf(sender, sizeof sender, "s%d@example.org", i);
			decide("192.0.2.1", sender, "b@example.net", false, tokens[i]);
		}
		history_flush(history, FLUSH_MS);
		if (write(pipes[1], tokens, sizeof tokens) != (ssize_t)sizeof tokens)
			_exit(1);
		for (;;)
			decide("192.0.2.1", "later@example.org", "b@example.net", false, token);
	}
	ck_assert_int_eq(read(pipes[0], tokens, sizeof tokens), (ssize_t)sizeof tokens);
	usleep(100000);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < ROWS_FLUSHED; i += 9) {
			snprintf(sender, sizeof sender, "s%d@example.org", i);
			ck_assert_str_eq(look_up(tokens[i]).sender, sender);
		}
		history = history ? history : history_create(&settings);
		decide("192.0.2.1", "new@example.org", "b@example.net", false, token);
		history_flush(history, FLUSH_MS);
		ck_assert_str_eq(look_up(token).sender, "new@example.org");
	}
}
END_TEST

/* ---- rows that are shared ------------------------------------------------------------ */

START_TEST(repeats)
{
	char first[17], again[17], other[17];

	decide("198.51.100.7", "a@example.org", "b@example.net", true, first);
	for (int i = 0; i < 9; i++) {
		decide("198.51.100.7", "a@example.org", "b@example.net", true, again);
		ck_assert_str_eq(again, first);
	}
	decide("198.51.100.7", "a@example.org", "c@example.net", true, other);
	ck_assert_str_ne(other, first);
	history_flush(history, FLUSH_MS);
	ck_assert_uint_eq(look_up(first).count, 10);
	ck_assert_uint_eq(look_up(other).count, 1);
	ck_assert_uint_eq(history_counts(history).rows, 2);
	ck_assert_uint_eq(history_counts(history).shared, 9);
}
END_TEST

/* One mailbox is one, however it is written. */
START_TEST(repeats_spelt)
{
	static const char *const senders[] = {
	    "m\303\274ller@example.org", "M\303\234LLER@Example.ORG", "mu\314\210ller@example.org"};
	char first[17], again[17];

	decide("198.51.100.7", senders[0], "b@example.net", true, first);
	for (size_t i = 1; i < ROWS(senders); i++) {
		decide("198.51.100.7", senders[i], "\"B\"@example.NET", true, again);
		ck_assert_str_eq(again, first);
	}
	history_flush(history, FLUSH_MS);
	ck_assert_uint_eq(look_up(first).count, 3);
}
END_TEST

/* Beyond five a minute: one row that counts 95, and eight of them as examples. */
START_TEST(floods)
{
	char token[17], client[40], sender[40], folded[17] = "";
	struct found found;

	for (int i = 0; i < 100; i++) {
		snprintf(client, sizeof client, "198.51.100.%d", i);
		snprintf(sender, sizeof sender, "s%d@example.org", i);
		decide(client, sender, "b@example.net", true, token);
		if (i == 5)
			memcpy(folded, token, sizeof folded);
		if (i > 5)
			ck_assert_str_eq(token, folded);
	}
	decide("198.51.101.1", "a@example.org", "b@example.net", true, token);
	ck_assert_str_ne(token, folded);
	history_flush(history, FLUSH_MS);
	found = look_up(folded);
	ck_assert_str_eq(found.sender, "s5@example.org");
	ck_assert_uint_eq(found.rows, 9);
	ck_assert_uint_eq(found.count + found.rows - 1, 95);
	restart();
	history_flush(history, FLUSH_MS);
	found = look_up(folded);
	ck_assert_uint_eq(found.count + found.rows - 1, 95);
}
END_TEST

/* ---- what is not kept ---------------------------------------------------------------- */

START_TEST(hashed)
{
	char token[17], other[17];
	struct found found;

	settings.local_parts = ROW_LOCAL_HASHED;
	history_configure(history, &settings);
	history_flush(history, FLUSH_MS);
	decide("198.51.100.7", "Anna@example.org", "b@example.net", true, token);
	decide("198.51.100.8", "\"anna\"@Example.org", "b@example.net", true, other);
	history_flush(history, FLUSH_MS);
	found = look_up(token);
	ck_assert_int_eq(found.sender[0], '~');
	ck_assert_ptr_nonnull(strstr(found.sender, "@example.org"));
	ck_assert_uint_eq(
	    find((struct history_query){.sender = SLICE("anna@example.org")}).rows, 2);
	ck_assert_uint_eq(
	    find((struct history_query){.sender = SLICE("anne@example.org")}).rows, 0);
}
END_TEST

/* No file of the directory holds these bytes. */
static bool directory_has(const char *text)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool has = false;

	while ((entry = readdir(dir))) {
		static char bytes[1 << 20];
		char name[400];
		int fd;
		ssize_t n;

		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		fd = open(name, O_RDONLY);
		n = read(fd, bytes, sizeof bytes);
		close(fd);
		has |= n > 0 && memmem(bytes, (size_t)n, text, strlen(text));
	}
	closedir(dir);
	return has;
}

START_TEST(none)
{
	char token[17];

	settings.local_parts = ROW_LOCAL_NONE;
	history_configure(history, &settings);
	history_flush(history, FLUSH_MS);
	decide("198.51.100.7", "anna.secret@example.org", "bob.secret@example.net", true, token);
	history_flush(history, FLUSH_MS);
	ck_assert_str_eq(look_up(token).recipient, "@example.net");
	ck_assert(!directory_has("secret"));
}
END_TEST

/* One mailbox, however it was written; in open segments, and in sealed ones with their filter. */
static const struct {
	const char *sent, *wanted;
	size_t rows;
} spellings[] = {
    {"\"Anna\"@example.org", "anna@example.org", 1},
    {"an\\na@example.org", "anna@example.org", 1},
    {"anna@b\u00fccher.example", "anna@xn--bcher-kva.example", 1},
    {"anna@b\u00fccher.example", "@xn--bcher-kva.example", 1},
    {"anna@b\u00fccher.example", ".example", 1},
    {"anna@xn--bcher-kva.example", "anna@xn--bcher-kva.example", 1},
    {"M\u00dcLLER@example.org", "m\u00fcller@example.org", 1},
    {"anna@example.org.", "anna@example.org", 1},
    {"\"an na\"@example.org", "anna@example.org", 0},
    {"\"anna@\"@example.org", "anna@example.org", 0},
};

START_TEST(spelt)
{
	struct slice wanted = slice_str(spellings[_i].wanted);
	char token[17], why[HISTORY_FORGET_WHY_MAX];

	decide("198.51.100.7", spellings[_i].sent, "bob@example.net", true, token);
	history_flush(history, FLUSH_MS);
	ck_assert_uint_eq(find((struct history_query){.sender = wanted}).rows, spellings[_i].rows);
	ck_assert_int_ge(history_forget(history, SLICE("nobody@example.org"), why), 0);
	ck_assert_uint_eq(find((struct history_query){.sender = wanted}).rows, spellings[_i].rows);
	ck_assert_int_eq(history_forget(history, wanted, why), (int)spellings[_i].rows);
	ck_assert_int_eq(directory_has(spellings[_i].sent), spellings[_i].rows == 0);
}
END_TEST

static const struct {
	const char *what;
	bool anna, bob, carl;
} forgets[] = {
    {"ANNA@example.org", true, false, false},
    {"example.net", false, true, false},
    {".example.net", false, true, true},
    {"example.org", true, false, false},
    {"nobody@example.org", false, false, false},
};

START_TEST(forgotten)
{
	char token[17], why[HISTORY_FORGET_WHY_MAX];
	int wanted = forgets[_i].anna || forgets[_i].bob || forgets[_i].carl;

	decide("198.51.100.7", "anna@example.org", "bob@example.net", true, token);
	decide("192.0.2.7", "dora@example.org", "carl@sub.example.net", false, token);
	history_flush(history, FLUSH_MS);
	ck_assert(directory_has("anna@") && directory_has("bob@") && directory_has("carl@"));
	ck_assert_int_ge(history_forget(history, slice_str(forgets[_i].what), why), wanted);
	ck_assert_int_eq(directory_has("anna@"), !forgets[_i].anna);
	/* In the reply, too. */
	ck_assert_int_eq(
	    directory_has("(example.org)"), strcmp(forgets[_i].what, "example.org") != 0);
	ck_assert_int_eq(directory_has("bob@"), !forgets[_i].bob);
	ck_assert_int_eq(directory_has("carl@"), !forgets[_i].carl);
	ck_assert_uint_eq(find((struct history_query){.count = 0}).rows, 2);
	decide("192.0.2.7", "dora@example.org", "carl@sub.example.net", false, token);
	history_flush(history, FLUSH_MS);
	ck_assert_uint_eq(find((struct history_query){.count = 0}).rows, 3);
}
END_TEST

/* ---- disks and threads --------------------------------------------------------------- */

/* A file system that is full for a while (here: a limit on files): rows are dropped and counted,
 * mail goes on, and so does the history when there is room again. */
START_TEST(full_disk)
{
	struct rlimit before, small = {100000, 100000}; /* more than Check's own file has */
	char token[17], sender[1000];
	struct history_counts counts;
	bool numbered = true;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_FSIZE, &small);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 30; i++) {
			snprintf(sender, sizeof sender, "%0900d@example.org", round * 30 + i);
			decide("192.0.2.1", sender, "b@example.net", false, token);
			numbered &= strlen(token) == TOKEN_CHARS;
		}
		history_flush(history, FLUSH_MS);
	}
	counts = history_counts(history);
	ck_assert(numbered);
	ck_assert_uint_gt(counts.failed, 0);
	ck_assert_uint_gt(counts.rows, 0);
	ck_assert_uint_eq(counts.failed + counts.rows, 300);
	ck_assert(!counts.running);
	setrlimit(RLIMIT_FSIZE, &before);
	usleep(1200000);
	decide("192.0.2.1", "after@example.org", "b@example.net", false, token);
	history_flush(history, FLUSH_MS);
	ck_assert(history_counts(history).running);
	ck_assert_str_eq(look_up(token).sender, "after@example.org");
	ck_assert_uint_eq(find((struct history_query){.count = 0}).rows, counts.rows + 1);
}
END_TEST

/* Somebody deletes all files below the writer: what follows is kept in new ones. */
START_TEST(deleted)
{
	char token[17], command[200];

	decide("192.0.2.1", "before@example.org", "b@example.net", false, token);
	history_flush(history, FLUSH_MS);
	snprintf(command, sizeof command, "rm %s/accepted-*", path);
	ck_assert_int_eq(system(command), 0);
	decide("192.0.2.1", "lost@example.org", "b@example.net", false, token);
	history_flush(history, FLUSH_MS);
	ck_assert_uint_eq(history_counts(history).failed, 1);
	usleep(1200000);
	decide("192.0.2.1", "after@example.org", "b@example.net", false, token);
	history_flush(history, FLUSH_MS);
	ck_assert_str_eq(look_up(token).sender, "after@example.org");
}
END_TEST

/* Without a directory ids are of no row; it is found when it is there. */
START_TEST(no_directory)
{
	char token[17], elsewhere[100];

	snprintf(elsewhere, sizeof elsewhere, "%s/a/b", path);
	settings.directory = elsewhere;
	history_configure(history, &settings);
	history_flush(history, FLUSH_MS);
	decide("192.0.2.1", "a@example.org", "b@example.net", false, token);
	ck_assert_str_eq(token, "");
	ck_assert(!history_counts(history).running);
	ck_assert_uint_eq(history_counts(history).dropped, 1);
	settings.directory = path;
	history_configure(history, &settings);
	history_flush(history, FLUSH_MS);
	decide("192.0.2.1", "a@example.org", "b@example.net", false, token);
	history_flush(history, FLUSH_MS);
	ck_assert_str_eq(look_up(token).sender, "a@example.org");
}
END_TEST

START_TEST(one_writer)
{
	struct history *other = history_create(&settings);
	struct history_counts counts = history_counts(other);

	ck_assert(!counts.running);
	ck_assert_str_eq(counts.error, "another susmilter writes to it: give each its own");
	history_free(&other);
}
END_TEST

enum { THREADS = 8, EACH = 500 };
static char ids[THREADS][EACH][17];

static void *decide_many(void *context)
{
	char(*mine)[17] = context, sender[60], client[60];
	long thread = (mine - ids[0]) / EACH;

	for (int i = 0; i < EACH; i++) {
		snprintf(sender, sizeof sender, "s%d@t%ld.example.org", i, thread);
		snprintf(client, sizeof client, "10.%ld.%d.1", thread, i % 250);
		decide(client, sender, "b@example.net", i % 2, mine[i]);
		if (i % 100 == 0)
			history_flush(history, FLUSH_MS);
	}
	return NULL;
}

START_TEST(many_threads)
{
	pthread_t threads[THREADS];
	char sender[60];

	settings.per_network_minute = 600;
	history_configure(history, &settings);
	for (int t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, decide_many, ids[t]);
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	history_flush(history, FLUSH_MS);
	ck_assert_uint_eq(history_counts(history).rows, THREADS * EACH);
	ck_assert_uint_eq(history_counts(history).dropped, 0);
	for (int t = 0; t < THREADS; t++)
		for (int i = 0; i < EACH; i += 50) {
			snprintf(sender, sizeof sender, "s%d@t%d.example.org", i, t);
			ck_assert_str_eq(look_up(ids[t][i]).sender, sender);
		}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history");
	TCase *t = tcase_create("history");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, by_id);
	tcase_add_loop_test(t, by_key, 0, 2);
	tcase_add_test(t, replayed);
	tcase_add_test(t, after_restarts);
	tcase_add_test(t, never_twice);
	tcase_add_test(t, after_kill);
	tcase_add_test(t, repeats);
	tcase_add_test(t, repeats_spelt);
	tcase_add_test(t, floods);
	tcase_add_test(t, hashed);
	tcase_add_test(t, none);
	tcase_add_loop_test(t, spelt, 0, ROWS(spellings));
	tcase_add_loop_test(t, forgotten, 0, ROWS(forgets));
	tcase_add_test(t, full_disk);
	tcase_add_test(t, deleted);
	tcase_add_test(t, no_directory);
	tcase_add_test(t, one_writer);
	tcase_add_test(t, many_threads);
	suite_add_tcase(s, t);
	return s;
}
