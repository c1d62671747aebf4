/*
 * deliver SOCKET CONNECTIONS [reconnect]: deliveries without pause, until standard input ends.
 *
 * Every transaction has two recipients, at a.example and b.example, from a client in a range.  In
 * table A the first has ranges off and the second is refused by a reply that begins "table A"; in
 * table B it is the other way round.  So a transaction that was decided by one table is answered
 * ("c", "table A") or ("table B", "c"), and anything else belongs to no generation.  One line a
 * second, and a last one at the end, tell how many of each there were:
 *
 *     A 8123 B 7991 strange 0 lost 0 sessions 805
 */
#include "bench/mtadriver.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, PER_SESSION = 20, STRANGE_TOLD = 5 };

struct seen {
	char first[CONNECTIONS_MAX]; /* of the transaction that is open: 'c', or the table's letter
				      */
	uint64_t a, b, strange;
};

static const char *address_of(unsigned connection)
{
	static char text[16];

	snprintf(text, sizeof text, "198.51.100.%u", connection % 250 + 1);
	return text;
}

/* 'c' accepted, 'A' or 'B' refused by that table, '?' anything else. */
static char kind_of(const char *text)
{
	static const char refusal[] = "y550 5.7.1 table ";
	size_t n = sizeof refusal - 1;

	if (strcmp(text, "c") == 0)
		return 'c';
	if (strncmp(text, refusal, n) == 0 && (text[n] == 'A' || text[n] == 'B'))
		return text[n];
	return '?';
}

static void strange(struct seen *s, const struct mta_answer *answer)
{
	if (s->strange++ < STRANGE_TOLD)
		fprintf(stderr, "deliver: transaction %llu, connection %u: %c %u is answered %s\n",
		    (unsigned long long)answer->transaction, answer->connection, answer->command,
		    answer->recipient, answer->text);
}

static void judge(void *context, const struct mta_answer *answer)
{
	struct seen *s = context;
	char kind = kind_of(answer->text), *first = &s->first[answer->connection];

	if (answer->command != 'R') {
		if (kind != 'c')
			strange(s, answer);
	} else if (answer->recipient == 0) {
		*first = kind;
	} else if (*first == 'c' && kind == 'A') {
		s->a++;
	} else if (*first == 'B' && kind == 'c') {
		s->b++;
	} else {
		strange(s, answer);
	}
}

static bool told_to_end(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char byte;

	return poll(&in, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

int main(int argc, char **argv)
{
	static const char *const domains[] = {"a.example", "b.example"};
	static struct seen seen;
	struct mta_plan plan = {
	    .recipients = 2,
	    .per_session = PER_SESSION,
	    .reconnect = argc > 3,
	    .client = address_of,
	    .domains = domains,
	    .judge = judge,
	    .context = &seen,
	};
	struct mtadriver *d;
	uint64_t lost = 0, sessions = 0;
	bool ok = true;

	if (argc < 3 || atoi(argv[2]) < 1 || atoi(argv[2]) > CONNECTIONS_MAX) {
		fprintf(stderr, "usage: deliver SOCKET CONNECTIONS [reconnect]\n");
		return 2;
	}
	plan.socket = argv[1];
	plan.connections = (unsigned)atoi(argv[2]);
	d = mtadriver_open(&plan);
	if (!d) {
		fprintf(stderr, "deliver: %s does not answer\n", argv[1]);
		return 1;
	}
	while (ok && !told_to_end()) {
		ok = mtadriver_run(d, 1);
		lost += mtadriver_counts(d).lost;
		sessions += mtadriver_counts(d).sessions;
		printf("A %llu B %llu strange %llu lost %llu sessions %llu\n",
		    (unsigned long long)seen.a, (unsigned long long)seen.b,
		    (unsigned long long)seen.strange, (unsigned long long)lost,
		    (unsigned long long)sessions);
		fflush(stdout);
	}
	mtadriver_close(&d);
	return ok ? 0 : 1;
}
