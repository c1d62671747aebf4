/* Settings as bytes, and the process that makes them of a text. */
#include "unit/unit.h"

#include "core/base/setting.h"
#include "edge/syntax/config_parser.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES(text) SLICE_INIT(text)
#define LINE1       "\0\0\0\1"
#define ROOT(count) "Sg" LINE1 "\0\0\0\0\0\0\0\0" count
#define NAME_A      "\0\0\0\1a\0"
#define NO_NAME     "\0\0\0\0\0"

/* What the tree is, written as a configuration again; "-": void. */
static const struct {
	const char *label;
	struct slice answer;
	const char *want;
} answers[] = {
    {"an empty file", BYTES(ROOT("\0")), "{}"},
    {"an integer", BYTES(ROOT("\1") "i\0\0\0\2" NAME_A "\0\0\0\0\0\0\0\7"), "{a@2=7;}"},
    {"below zero", BYTES(ROOT("\1") "i\0\0\0\2" NAME_A "\xff\xff\xff\xff\xff\xff\xff\xfe"),
	"{a@2=-2;}"},
    {"a float", BYTES(ROOT("\1") "f" LINE1 NAME_A "\x3f\xe0\0\0\0\0\0\0"), "{a@1=0.5;}"},
    {"true", BYTES(ROOT("\1") "b" LINE1 NAME_A "\1"), "{a@1=true;}"},
    {"a string", BYTES(ROOT("\1") "s" LINE1 NAME_A "\0\0\0\2xy\0"), "{a@1=\"xy\";}"},
    {"no text in a string", BYTES(ROOT("\1") "s" LINE1 NAME_A "\0\0\0\0\0"), "{a@1=\"\";}"},
    {"an array",
	BYTES(ROOT("\1") "a" LINE1 NAME_A "\0\0\0\2"
			 "b" LINE1 NO_NAME "\0"
			 "b" LINE1 NO_NAME "\1"),
	"{a@1=[false;true;];}"},
    {"a list",
	BYTES(ROOT("\1") "l" LINE1 NAME_A "\0\0\0\2"
			 "b" LINE1 NO_NAME "\0"
			 "g" LINE1 NO_NAME "\0\0\0\0"),
	"{a@1=(false;{};);}"},
    {"a syntax error", BYTES("E\0\0\0\x9\0\0\0\3oh!\0"), "9: oh!"},
    /* void */
    {"nothing", BYTES(""), "-"},
    {"another kind", BYTES("X"), "-"},
    {"the root is no group", BYTES("Sb" LINE1 NO_NAME "\1"), "-"},
    {"the root has a name", BYTES("Sg" LINE1 NAME_A "\0\0\0\0"), "-"},
    {"something follows", BYTES(ROOT("\0") "x"), "-"},
    {"something follows an error", BYTES("E\0\0\0\x9\0\0\0\3oh!\0x"), "-"},
    {"an unknown type", BYTES(ROOT("\1") "z" LINE1 NAME_A "\0\0\0\0\0\0\0\7"), "-"},
    {"no name in a group", BYTES(ROOT("\1") "b" LINE1 NO_NAME "\1"), "-"},
    {"a name that is none", BYTES(ROOT("\1") "b" LINE1 "\0\0\0\1.\0\1"), "-"},
    {"a digit first",
	BYTES(ROOT("\1") "b" LINE1 "\0\0\0\2"
			 "1a\0\1"),
	"-"},
    {"a name in a list", BYTES(ROOT("\1") "l" LINE1 NAME_A "\0\0\0\1b" LINE1 NAME_A "\1"), "-"},
    {"a name without its NUL", BYTES(ROOT("\1") "b" LINE1 "\0\0\0\1ab\1"), "-"},
    {"a NUL inside", BYTES(ROOT("\1") "s" LINE1 NAME_A "\0\0\0\2x\0\0"), "-"},
    {"neither true nor false", BYTES(ROOT("\1") "b" LINE1 NAME_A "\2"), "-"},
    {"two types in an array",
	BYTES(ROOT("\1") "a" LINE1 NAME_A "\0\0\0\2"
			 "b" LINE1 NO_NAME "\0"
			 "s" LINE1 NO_NAME "\0\0\0\0\0"),
	"-"},
    {"a group in an array", BYTES(ROOT("\1") "a" LINE1 NAME_A "\0\0\0\1g" LINE1 NO_NAME "\0\0\0\0"),
	"-"},
    {"more elements than there are bytes", BYTES("Sg" LINE1 NO_NAME "\xff\xff\xff\xff"), "-"},
    {"a length beyond the end",
	BYTES(ROOT("\1") "s" LINE1 NAME_A "\xff\xff\xff\xff"
			 "xy\0"),
	"-"},
};

static char shown[2048];

static void show(const struct setting *s)
{
	size_t len = strlen(shown);
	char *to = shown + len;
	size_t room = sizeof shown - len;
	const char *brackets = s->type == SETTING_GROUP   ? "{}"
			       : s->type == SETTING_ARRAY ? "[]"
							  : "()";

	if (s->name[0])
		snprintf(to, room, "%s@%u=", s->name, s->line);
	to += strlen(to);
	if (s->type == SETTING_INTEGER)
		snprintf(to, room, "%lld", (long long)s->integer);
	else if (s->type == SETTING_FLOAT)
		snprintf(to, room, "%g", s->real);
	else if (s->type == SETTING_BOOL)
		snprintf(to, room, "%s", s->truth ? "true" : "false");
	else if (s->type == SETTING_STRING)
		snprintf(to, room, "\"%.*s\"", SLICE_ARG(setting_text(s)));
	else
		snprintf(to, room, "%c", brackets[0]);
	for (unsigned i = 0; i < setting_count(s); i++) {
		show(setting_element(s, i));
		strcat(shown, ";");
	}
	if (setting_is_aggregate(s))
		strcat(shown, (char[]){brackets[1], '\0'});
}

static void show_answer(struct slice answer)
{
	struct arena *arena = arena_create(1 << 20);
	struct slice error;
	unsigned line;
	const struct setting *root = settings_decode(answer, arena, &line, &error);

	strcpy(shown, "-");
	if (root) {
		shown[0] = '\0';
		show(root);
	} else if (error.len > 0) {
		snprintf(shown, sizeof shown, "%u: %.*s", line, SLICE_ARG(error));
	}
	arena_free(&arena);
}

START_TEST(an_answer_is_checked)
{
	show_answer(answers[_i].answer);
	ck_assert_msg(strcmp(shown, answers[_i].want) == 0, "%s: %s", answers[_i].label, shown);
}
END_TEST

/* Cut anywhere it is void; with a byte changed it is anything but a crash. */
START_TEST(a_cut_answer_is_void)
{
	char copy[256];

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct slice answer = answers[i].answer;

		for (size_t len = 0; len < answer.len && answers[i].want[0] != '-'; len++) {
			show_answer(slice_of(answer.ptr, len));
			ck_assert_msg(strcmp(shown, "-") == 0, "%s, cut to %zu: %s",
			    answers[i].label, len, shown);
		}
		for (size_t at = 0; at < answer.len; at++) {
			memcpy(copy, answer.ptr, answer.len);
			copy[at] = (char)(copy[at] ^ 0x81);
			show_answer(slice_of(copy, answer.len));
		}
	}
}
END_TEST

/* ---- texts --------------------------------------------------------------------------- */

#define TEN(text) text text text text text text text text text text
#define OPEN31    TEN("(((") "("
#define CLOSE31   TEN(")))") ")"
#define SHUT31    TEN(");););") ")"

static const struct {
	const char *label, *text, *want;
} texts[] = {
    {"nothing", "\n", "{}"},
    {"all types",
	"a = 1;\nb = 4294967296L;\nc = -16;\nd = 1.5;\ne = true;\nf = \"x\" \"y\";\n"
	"g = { h = \"\"; };\ni = [ 1, 2 ];\nj = ( 1, { k = ( ); } );\n",
	"{a@1=1;b@2=4294967296;c@3=-16;d@4=1.5;e@5=true;f@6=\"xy\";g@7={h@7=\"\";};i@8=[1;2;];"
	"j@9=(1;{k@9=();};);}"},
    {"a syntax error", "a = 1;\nb = ;\n", "2: syntax error"},
    {"twice", "a = 1;\na = 2;\n", "2: duplicate setting name"},
    {"the deepest", "a =\n" OPEN31 CLOSE31 ";", "{a@1=" OPEN31 SHUT31 ";}"},
    {"too deep", "a =\n(\n" OPEN31 CLOSE31 ");", "3: brackets are nested too deeply"},
};

static void parse(const char *text, char why[CONFIG_PARSE_WHY_MAX])
{
	struct slice answer;

	strcpy(shown, "");
	if (config_parse(slice_str(text), &answer, why))
		show_answer(answer);
	free((void *)(uintptr_t)answer.ptr);
}

START_TEST(a_text_comes_back_as_settings)
{
	char why[CONFIG_PARSE_WHY_MAX] = "";

	parse(texts[_i].text, why);
	ck_assert_msg(strcmp(shown, texts[_i].want) == 0, "%s: %s%s", texts[_i].label, shown, why);
}
END_TEST

/* More than fits into the sockets' buffers, in both directions. */
START_TEST(a_large_text)
{
	enum { ELEMENTS = 30000 };
	char *text = malloc(ELEMENTS * 2 + 64), why[CONFIG_PARSE_WHY_MAX];
	struct arena *arena = arena_create((size_t)1 << 30);
	const struct setting *root;
	struct slice answer, error;
	size_t len = 0;
	unsigned line;

	len += (size_t)sprintf(text + len, "a = [ 0");
	for (int i = 1; i < ELEMENTS; i++)
		len += (size_t)sprintf(text + len, ",%d", i % 10);
	len += (size_t)sprintf(text + len, " ];\n");
	ck_assert_msg(config_parse(slice_of(text, len), &answer, why), "%s", why);
	root = settings_decode(answer, arena, &line, &error);
	ck_assert_ptr_nonnull(root);
	ck_assert_uint_eq(setting_count(setting_at(root, "a")), ELEMENTS);
	ck_assert_int_eq(setting_element(setting_at(root, "a"), ELEMENTS - 1)->integer, 9);
	free((void *)(uintptr_t)answer.ptr);
	arena_free(&arena);
	free(text);
}
END_TEST

/* ---- a process that goes wrong ------------------------------------------------------- */

/* What the process does with the other end of the socket. */
static bool cannot_be_asked(int fd)
{
	(void)fd;
	errno = EAGAIN;
	return false;
}

static bool ends_at_once(int fd)
{
	(void)fd;
	return true;
}

/* Says so much, in the buffer of the socket, and is gone. */
static bool say(int fd, const char *bytes, size_t len)
{
	return send(fd, bytes, len, 0) == (ssize_t)len;
}

static bool says_half(int fd)
{
	return say(fd, "Sg\0\0", 4);
}

static bool says_nonsense(int fd)
{
	return say(fd, "what?", 5);
}

/* Endlessly, as far as anybody can hear. */
static bool says_too_much(int fd)
{
	char piece[4096] = "";

	if (fork() == 0) {
		while (send(fd, piece, sizeof piece, MSG_NOSIGNAL) > 0)
			;
		_exit(0);
	}
	return true;
}

static const struct {
	const char *label;
	bool (*ask)(int fd);
	const char *want; /* in the reason, or the tree */
} wrongs[] = {
    {"cannot be asked", cannot_be_asked, "cannot be parsed: Resource temporarily unavailable"},
    {"ends at once", ends_at_once,
	"cannot be parsed: the process that did it ended without an answer: is memory short? the "
	"log tells how it ended"},
    {"half an answer", says_half, "-"},
    {"nonsense", says_nonsense, "-"},
    {"too much", says_too_much, "cannot be parsed: Argument list too long"},
};

START_TEST(a_process_that_goes_wrong_is_a_sentence)
{
	char why[CONFIG_PARSE_WHY_MAX] = "";

	config_parser_use(wrongs[_i].ask);
	parse("a = 1;\n", why);
	ck_assert_msg(strcmp(why[0] ? why : shown, wrongs[_i].want) == 0, "%s: %s%s",
	    wrongs[_i].label, shown, why);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("setting");
	TCase *t = tcase_create("setting");

	tcase_add_loop_test(t, an_answer_is_checked, 0, (int)ROWS(answers));
	tcase_add_test(t, a_cut_answer_is_void);
	tcase_add_loop_test(t, a_text_comes_back_as_settings, 0, (int)ROWS(texts));
	tcase_add_test(t, a_large_text);
	tcase_add_loop_test(t, a_process_that_goes_wrong_is_a_sentence, 0, (int)ROWS(wrongs));
	suite_add_tcase(s, t);
	return s;
}
