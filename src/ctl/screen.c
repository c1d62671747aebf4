/*
 * screen: a page of the daemon after the other, on a terminal.
 *
 * A page is asked for when the one before it is on the screen: over a slow line they become fewer,
 * not older, and each is as large as the terminal then is.  When nobody listens the last page
 * stays, with a line on top that says so, until somebody does again.
 */
#include "ctl.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Xterm's second screen, so that what was there before comes back; no cursor, and what is too long
 * is cut.  Terminals that do not know these ignore them. */
#define ENTER          "\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define LEAVE          "\033[?7h\033[?25h\033[?1049l"
#define HOME           "\033[H"
#define REST_OF_LINE   "\033[K"
#define REST_OF_SCREEN "\033[J"
#define REVERSE        "\033[7m"
#define NORMAL         "\033[m"

/* More than the largest page. */
enum { PAGE_MAX = 1024 * 1024 };

struct page {
	char text[PAGE_MAX];
	size_t len;
	char complaint[512]; /* what came for standard error */
	size_t complaint_len;
};

/* ---- the terminal -------------------------------------------------------------------- */

static struct termios before;

/* In handlers of signals, too. */
static void leave(void)
{
	ssize_t n = write(STDOUT_FILENO, LEAVE, sizeof LEAVE - 1);

	(void)n; /* it is the last word in any case */
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

/* An interruption is how it is meant to end. */
static void end(int signal)
{
	leave();
	_exit(signal == SIGINT || signal == SIGQUIT ? STATUS_OK : STATUS_FAILED);
}

static bool is_terminal(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDOUT_FILENO) && kind && kind[0] && strcmp(kind, "dumb") != 0;
}

/* `q` becomes the key that interrupts, so that nothing need be read while a page is waited for. */
static void take_keys(void)
{
	struct termios keys = before;

	keys.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	keys.c_lflag |= ISIG;
	keys.c_cc[VQUIT] = before.c_cc[VINTR];
	keys.c_cc[VINTR] = 'q';
	keys.c_cc[VSUSP] = _POSIX_VDISABLE;
	tcsetattr(STDIN_FILENO, TCSANOW, &keys);
}

static void enter(void)
{
	static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
	struct sigaction ends = {.sa_handler = end};
	bool keys = tcgetattr(STDIN_FILENO, &before) == 0;

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &ends, NULL);
	if (keys)
		take_keys();
	fputs(ENTER, stdout);
	fflush(stdout);
}

/* Unless the command line says how large.  Gives the terminal's lines. */
static unsigned set_size(const struct words *words, bool columns, bool lines)
{
	struct winsize size;
	char text[16];

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
		return UINT_MAX;
	snprintf(text, sizeof text, "%u", size.ws_col);
	if (columns)
		json_object_set_new(words->request, "columns", json_string(text));
	snprintf(text, sizeof text, "%u", size.ws_row);
	if (lines)
		json_object_set_new(words->request, "lines", json_string(text));
	return size.ws_row;
}

/* ---- pages --------------------------------------------------------------------------- */

static void append(char *to, size_t *len, size_t max, struct slice bytes)
{
	if (bytes.len > max - *len)
		bytes.len = max - *len;
	memcpy(to + *len, bytes.ptr, bytes.len);
	*len += bytes.len;
}

static bool collect(void *context, int fd, struct slice bytes)
{
	struct page *p = context;

	if (fd == STDERR_FILENO)
		append(p->complaint, &p->complaint_len, sizeof p->complaint, bytes);
	else
		append(p->text, &p->len, sizeof p->text, bytes);
	return true;
}

/* Over the last page, without a flicker; no line end behind the last line, which would scroll. */
static void paint(const struct page *p, unsigned lines)
{
	struct slice left = slice_trim(slice_of(p->text, p->len));

	fputs(HOME, stdout);
	while (left.len > 0 && lines-- > 0) {
		size_t n = slice_find(left, '\n');
		printf("%.*s" REST_OF_LINE, (int)(n < left.len ? n : left.len), left.ptr);
		left = slice_skip(left, n < left.len ? n + 1 : left.len);
		if (left.len > 0 && lines > 0)
			putchar('\n');
	}
	fputs(REST_OF_SCREEN, stdout);
	fflush(stdout);
}

static void paint_waiting(time_t since)
{
	struct tm utc;
	char text[16];

	gmtime_r(&since, &utc);
	strftime(text, sizeof text, "%H:%M:%SZ", &utc);
	printf(
	    HOME REVERSE "susmilter  has not answered since %s; waiting" NORMAL REST_OF_LINE, text);
	fflush(stdout);
}

static void print_page(const struct page *p)
{
	printf("%.*s\n", (int)p->len, p->text);
	fflush(stdout);
}

/* ---- the loop ------------------------------------------------------------------------ */

struct screen {
	const struct words *words;
	bool terminal, columns, lines; /* the last two: as the terminal has them */
	unsigned height;               /* of the terminal */
	bool entered;
	time_t lost; /* since when nobody answers; 0: somebody does */
	struct page page;
};

static void show(struct screen *s)
{
	s->lost = 0;
	if (!s->terminal) {
		print_page(&s->page);
		return;
	}
	if (!s->entered)
		enter();
	s->entered = true;
	paint(&s->page, s->height);
}

/* Nobody answers: at the beginning that is the end. */
static bool wait_for_daemon(struct screen *s)
{
	if (!s->entered)
		return false;
	if (s->lost == 0)
		s->lost = time(NULL);
	paint_waiting(s->lost);
	sleep(1);
	return true;
}

static int finish(struct screen *s, int status)
{
	if (s->entered)
		leave();
	fprintf(stderr, "%.*s", (int)s->page.complaint_len, s->page.complaint);
	return status;
}

static int ask_on(struct screen *s)
{
	const struct sink sink = {collect, &s->page};

	while (!ferror(stdout)) {
		int status;

		if (s->terminal)
			s->height = set_size(s->words, s->columns, s->lines);
		s->page.len = s->page.complaint_len = 0;
		status = remote_ask(s->words, &sink);
		if (status == STATUS_OK)
			show(s);
		else if (status > 0)
			return finish(s, status);
		else if (!wait_for_daemon(s)) {
			remote_complain(s->words, status);
			return STATUS_FAILED;
		}
	}
	return STATUS_FAILED;
}

int screen_run(const struct words *words)
{
	struct screen *s = calloc(1, sizeof *s);
	int status;

	if (!s) {
		fprintf(stderr, "susmilterctl: out of memory\n");
		return STATUS_FAILED;
	}
	s->words = words;
	s->terminal = is_terminal();
	s->columns = !json_object_get(words->request, "columns");
	s->lines = !json_object_get(words->request, "lines");
	status = ask_on(s);
	free(s);
	return status;
}
