#include "fake/dnsserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT_MS = 2000, COUNT_TRIES = 5, TYPE_TXT = 16, PACKET_MAX = 512 };

extern char **environ;

static char program[] = "tests/fake/dnsserver.py";

struct dnsserver {
	pid_t pid;
	FILE *says;
	char host[INET_ADDRSTRLEN];
	unsigned port;
	char address[INET_ADDRSTRLEN + sizeof "@65535"];
	char zone[32];
};

static void give_up(const char *what)
{
	fprintf(stderr, "dnsserver: %s: %s\n", what, strerror(errno));
	abort();
}

static void write_zone(const struct dnsserver *s, const char *zone)
{
	FILE *file = fopen(s->zone, "w");

	if (!file || fputs(zone, file) == EOF || fclose(file) == EOF)
		give_up(s->zone);
}

static void spawn(struct dnsserver *s)
{
	char listen[] = "--listen", port[] = "--port", number[8];
	char *words[] = {program, listen, s->host, port, number, s->zone, NULL};
	posix_spawn_file_actions_t actions;
	int ends[2];

	snprintf(number, sizeof number, "%u", s->port);
	if (pipe(ends) < 0)
		give_up("pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addclose(&actions, ends[1]);
	errno = posix_spawn(&s->pid, program, &actions, NULL, words, environ);
	if (errno)
		give_up(program);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	s->says = fdopen(ends[0], "r");
}

static void expect(struct dnsserver *s, const char *word, unsigned *number)
{
	char line[80], said[16];
	unsigned n = 0;

	if (!fgets(line, sizeof line, s->says) || sscanf(line, "%15s %u", said, &n) < 1 ||
	    strcmp(said, word) != 0)
		give_up("it does not start or reload");
	if (number)
		*number = n;
}

struct dnsserver *dnsserver_start(const char *zone)
{
	return dnsserver_start_at(zone, "127.0.0.1", 0);
}

struct dnsserver *dnsserver_start_at(const char *zone, const char *address, unsigned port)
{
	struct dnsserver *s = calloc(1, sizeof *s);
	int fd;

	if (!s)
		give_up("memory");
	s->port = port;
	snprintf(s->host, sizeof s->host, "%s", address);
	strcpy(s->zone, "/tmp/dnsserver.XXXXXX");
	fd = mkstemp(s->zone);
	if (fd < 0)
		give_up(s->zone);
	close(fd);
	write_zone(s, zone);
	spawn(s);
	expect(s, "port", &s->port);
	snprintf(s->address, sizeof s->address, "%s@%u", s->host, s->port);
	return s;
}

void dnsserver_free(struct dnsserver **s)
{
	if (!*s)
		return;
	kill((*s)->pid, SIGTERM);
	kill((*s)->pid, SIGCONT);
	waitpid((*s)->pid, NULL, 0);
	fclose((*s)->says);
	unlink((*s)->zone);
	free(*s);
	*s = NULL;
}

const char *dnsserver_address(const struct dnsserver *s)
{
	return s->address;
}

void dnsserver_reload(struct dnsserver *s, const char *zone)
{
	write_zone(s, zone);
	kill(s->pid, SIGHUP);
	expect(s, "reloaded", NULL);
}

void dnsserver_pause(struct dnsserver *s)
{
	kill(s->pid, SIGSTOP);
}

void dnsserver_continue(struct dnsserver *s)
{
	kill(s->pid, SIGCONT);
}

/* ---- the count, by a question of its own --------------------------------------------- */

static unsigned char *put_name(unsigned char *at, const char *name)
{
	while (*name) {
		size_t label = strcspn(name, ".");
		*at++ = (unsigned char)label;
		memcpy(at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	return at;
}

static size_t make_question(unsigned char *packet, const char *name)
{
	static const unsigned char header[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	unsigned char *at = packet + sizeof header;

	memcpy(packet, header, sizeof header);
	at = put_name(at, name);
	at = put_name(at, "questions.count");
	memcpy(at, (const unsigned char[]){0, 0, TYPE_TXT, 0, 1}, 5);
	return (size_t)(at + 5 - packet);
}

static ssize_t exchange(const struct dnsserver *s, unsigned char *packet, size_t len, char *reply)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
	struct pollfd fd = {.fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN};
	ssize_t got = -1;

	inet_pton(AF_INET, s->host, &to.sin_addr);
	for (int i = 0; i < COUNT_TRIES && got < 0; i++) {
		sendto(fd.fd, packet, len, 0, (struct sockaddr *)&to, sizeof to);
		if (poll(&fd, 1, COUNT_MS) > 0)
			got = recv(fd.fd, reply, PACKET_MAX, 0);
	}
	close(fd.fd);
	return got;
}

/* The answer is the question, then name, type, class, TTL, length (counted from the end of the
 * name, which is as long as the question's), and one string of digits up to the end. */
unsigned dnsserver_asked(const struct dnsserver *s, const char *name)
{
	unsigned char packet[PACKET_MAX];
	char reply[PACKET_MAX + 1];
	size_t len = make_question(packet, name), digits = len + (len - 12) + 6 + 1;
	ssize_t got = exchange(s, packet, len, reply);

	if (got <= (ssize_t)digits)
		give_up("it does not say how often it was asked");
	reply[got] = '\0';
	return (unsigned)strtoul(reply + digits, NULL, 10);
}
