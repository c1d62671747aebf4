#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "core/policy/policy.h"
#include "core/rules/whitelist_need.h"
#include "edge/config/config.h"
#include "edge/log/log.h"
#include "edge/managed/managed.h"
#include "managed_edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- the words of a new entry -------------------------------------------------------- */

/* What a refusal of this family needs; 0 when no whitelist entry could have withdrawn it. */
static unsigned covers_of_record(const json_t *record)
{
	const char *family = json_string_value(json_object_get(record, "family"));
	const char *action = json_string_value(json_object_get(record, "action"));

	if (!family || !action || strcmp(action, action_name(ACTION_ACCEPT)) == 0)
		return 0;
	return word_bits(covers_words, slice_str(family));
}

/* The client of a decision, and what refused it; false after a complaint. */
static bool read_decision(struct request *req, const char *token, struct managed_line *line)
{
	json_t *record = request_decision(req, token);
	const char *client = json_string_value(json_object_get(record, "client"));
	bool good = false;

	line->covers = covers_of_record(record);
	if (json_object_get(record, "auth"))
		channel_error(req->channel,
		    "the decision %s is of an authenticated session, of which the whitelist says "
		    "nothing: change its rule\n",
		    token);
	else if (record && !client)
		channel_error(req->channel, "the decision %s has no client address\n", token);
	else if (record && !line->covers)
		channel_error(req->channel,
		    "the decision %s is not a refusal that a whitelist entry could withdraw "
		    "(susranges, blocks, spf, dmarc)\n",
		    token);
	else if (record)
		good = (line->entry = slice_str(arena_strdup(req->arena, slice_str(client)))).ptr;
	json_decref(record);
	return good;
}

static bool read_entry(struct request *req, struct managed_line *line)
{
	const char *entry = request_argument(req, 0), *token = request_text(req, "from");

	if (!entry == !token) {
		channel_error(
		    req->channel, "whitelist add needs one entry, or --from TOKEN of a decision\n");
		return false;
	}
	if (token)
		return read_decision(req, token, line);
	line->entry = slice_trim(slice_str(entry));
	return true;
}

/* --covers, --proof, --sender, --recipient; NULL, or what is wrong. */
static const char *read_reach(struct request *req, struct managed_line *line, bool is_network)
{
	const char *covers = request_text(req, "covers"), *proof = request_text(req, "proof");

	line->sender = slice_trim(slice_str(request_text(req, "sender")));
	line->recipient = slice_trim(slice_str(request_text(req, "recipient")));
	if (covers && !(line->covers = word_bits(covers_words, slice_str(covers))))
		return "--covers needs susranges, blocks, spf or dmarc, with commas";
	if (proof && !(line->proof = word_bits(proof_words, slice_str(proof))))
		return "--proof needs spf, client_name or spf,client_name";
	if (!managed_edit_fits(line->sender, true) || !managed_edit_fits(line->recipient, true))
		return "--sender and --recipient need a name or an address";
	return managed_check(line, is_network);
}

static const char *read_words(struct request *req, struct managed_line *line)
{
	const char *span = request_text(req, "for");

	line->owner = slice_str(request_text(req, "owner"));
	line->comment = slice_trim(slice_str(request_text(req, "comment")));
	if (span && !(line->expires = span_of(span)))
		return "--for needs a duration such as 30m, 12h, 7d or 4w, at most ten years";
	if (!managed_edit_fits(line->owner, true))
		return "--owner is one word";
	if (!managed_edit_fits(line->comment, false))
		return "--comment is one line of at most 500 bytes";
	if (line->entry.len > 0 && !managed_edit_fits(line->entry, true))
		return "an entry holds no blanks";
	if (line->expires)
		line->expires += time(NULL);
	return NULL;
}

static bool read_line(struct request *req, struct managed_line *line, struct entry *entry)
{
	char why[ENTRY_WHY_MAX];
	const char *wrong;

	*line = (struct managed_line){.expires = 0};
	if (!read_entry(req, line))
		return false;
	wrong = managed_parse_entry(line->entry, req->arena, entry, why);
	if (!wrong)
		wrong = read_reach(req, line, entry->kind == ENTRY_NETWORK);
	if (!wrong)
		wrong = read_words(req, line);
	if (wrong)
		channel_error(req->channel, "%.*s: %s\n", SLICE_ARG(line->entry), wrong);
	return !wrong;
}

/* ---- edits --------------------------------------------------------------------------- */

/* Opens the list, to be changed or only to be read. */
static bool open_list(struct request *req, struct managed_edit *e, bool change)
{
	const char *path = req->generation->config->managed_whitelist;
	char why[MANAGED_WHY_MAX];

	if (path[0] == '\0') {
		channel_error(req->channel,
		    "there is no list to edit: set managed_whitelist = \"PATH\" in %s\n",
		    req->config_path);
		return false;
	}
	if (change ? managed_begin(e, path, req->arena, managed_edit_is_gone, req->channel, why)
		   : managed_read(e, path, req->arena, why))
		return true;
	channel_error(req->channel, "%s\n", why);
	return false;
}

/* What is said beside the answer: to standard error where that is JSON. */
__attribute__((format(printf, 2, 3))) static void say_note(
    struct request *req, const char *format, ...)
{
	char text[2 * PLAIN_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (request_switch(req, "json"))
		channel_error(req->channel, "%s", text);
	else
		channel_print(req->channel, "%s", text);
}

/* ---- lines as JSON ------------------------------------------------------------------- */

static void add_text(json_t *o, const char *key, struct slice text)
{
	if (text.len > 0)
		json_object_set_new(o, key, json_from_slice(text));
}

static void add_time(json_t *o, const char *key, int64_t time)
{
	char text[RFC3339_TEXT_MAX];

	if (!time)
		return;
	rfc3339_format(time, text);
	json_object_set_new(o, key, json_string(text));
}

/* An array of the words, as managed_write_line() has them. */
static json_t *families_json(unsigned covers)
{
	json_t *array = json_array();

	for (int family = 0; family < FAMILY_COUNT; family++)
		if (covers & 1u << family)
			json_array_append_new(array, json_string(family_name((enum family)family)));
	return array;
}

static json_t *proof_json(unsigned proof)
{
	json_t *array = json_array();

	if (proof & PROOF_SPF)
		json_array_append_new(array, json_string("spf"));
	if (proof & PROOF_CLIENT_NAME)
		json_array_append_new(array, json_string("client_name"));
	return array;
}

static void add_line(void *context, const struct managed_line *l)
{
	json_t *o = json_pack("{s:o}", "entry", json_from_slice(l->entry));

	add_time(o, "expires", l->expires);
	if (l->covers)
		json_object_set_new(o, "covers", families_json(l->covers));
	if (l->proof)
		json_object_set_new(o, "proof", proof_json(l->proof));
	add_text(o, "sender", l->sender);
	add_text(o, "recipient", l->recipient);
	add_text(o, "by", l->by);
	add_time(o, "added", l->added);
	add_text(o, "owner", l->owner);
	add_text(o, "comment", l->comment);
	json_array_append_new(context, o);
}

/* ---- add ----------------------------------------------------------------------------- */

/* What a second add does not say stays as the first one said it. */
static void keep_old_words(
    struct request *req, const struct managed_edit *e, struct managed_line *line)
{
	struct managed_line old;
	bool is_new = !managed_find(e, line, &old);

	if (is_new)
		old = (struct managed_line){.by = managed_edit_asker(req), .added = time(NULL)};
	else if (!old.covers)
		old.covers = 1u << FAMILY_SUSRANGES | 1u << FAMILY_BLOCKS; /* a line of 0.1 */
	if (!request_text(req, "covers"))
		line->covers |= old.covers;
	if (!line->covers)
		line->covers = 1u << FAMILY_SUSRANGES;
	if (!request_text(req, "proof"))
		line->proof = old.proof;
	if (!request_text(req, "owner"))
		line->owner = old.owner;
	if (!request_text(req, "comment"))
		line->comment = old.comment;
	line->by = old.by;
	line->added = old.added;
}

/* What the tables say of a single address, of which nothing else is known. */
static struct verdict judge(const struct ruleset *rules, const struct entry *entry)
{
	struct facts facts = {.client = entry->prefix.base, .now = time(NULL)};

	return policy_decide(rules, &facts, PHASE_RCPT);
}

static bool is_one_address(const struct entry *entry)
{
	return entry->kind == ENTRY_NETWORK && !entry->is_range &&
	       entry->prefix.length == ip_bits(entry->prefix.base.family);
}

/* Warns of a network or range of which no rule holds a single address. */
static void warn_of_no_need(
    struct request *req, const struct managed_line *line, const struct entry *entry)
{
	struct whitelist_need *need = whitelist_need_create(req->generation->rules, time(NULL));
	struct ip last = entry->is_range ? entry->last : prefix_last(&entry->prefix);
	const struct ip *first = entry->is_range ? &entry->first : &entry->prefix.base;

	if (!need)
		channel_error(req->channel, "warning: out of memory: whether a rule refuses these "
					    "addresses is not known\n");
	else if (!whitelist_need_covers(need, line->covers, first, &last))
		say_note(req,
		    "note: no rule refuses an address of %.*s: this entry changes nothing until "
		    "one "
		    "does%s\n",
		    SLICE_ARG(line->entry),
		    whitelist_need_by_name(need, line->covers)
			? ", but for clients that a rule on names refuses"
			: "");
	whitelist_need_free(&need);
}

/* Warns of an entry that lets nothing in that was not let in before. */
static void warn_of_no_effect(
    struct request *req, const struct managed_line *line, const struct entry *entry)
{
	const unsigned by_address = 1u << FAMILY_SUSRANGES | 1u << FAMILY_BLOCKS;
	struct verdict v;

	if (entry->kind != ENTRY_NETWORK && entry->kind != ENTRY_PATTERN)
		say_note(req, "note: a name lets nobody in without proof (%s)\n",
		    line->proof == PROOF_SPF           ? "SPF pass of the sender's domain"
		    : line->proof == PROOF_CLIENT_NAME ? "a verified client name"
						       : "SPF pass of the sender's domain, or a "
							 "verified client name");
	if (entry->kind == ENTRY_NETWORK && !is_one_address(entry))
		warn_of_no_need(req, line, entry);
	if (!is_one_address(entry) || (line->covers & ~by_address) != 0)
		return;
	v = judge(req->generation->rules, entry);
	if (v.kind == VERDICT_FINAL && v.family == FAMILY_TRUSTED)
		say_note(req,
		    "note: %.*s is in trusted_networks, where nothing is "
		    "checked: this entry changes nothing\n",
		    SLICE_ARG(line->entry));
	else if (v.kind == VERDICT_FINAL && v.family == FAMILY_WHITELIST)
		say_note(req, "note: %.*s is already let in by whitelist \"%.*s\"\n",
		    SLICE_ARG(line->entry), SLICE_ARG(v.rule ? v.rule->name : SLICE("")));
	else if (v.family != FAMILY_SUSRANGES && v.family != FAMILY_BLOCKS)
		say_note(req,
		    "note: no rule refuses %.*s for its address alone: this entry changes nothing "
		    "until one does\n",
		    SLICE_ARG(line->entry));
	else if ((line->covers & 1u << v.family) == 0)
		say_note(req,
		    "note: %.*s is refused by %s, which this entry does not cover: add --covers "
		    "%s\n",
		    SLICE_ARG(line->entry), family_name(v.family), family_name(v.family));
}

/* Expired lines are taken out by the next edit, which says so. */
static void tell_expired(void *context, const struct managed_line *l)
{
	struct request *req = context;
	char until[RFC3339_TEXT_MAX];

	if (l->expires == 0 || l->expires > time(NULL))
		return;
	rfc3339_format(l->expires, until);
	say_note(req, "expired %s: %.*s%s%.*s%s%.*s\n", until, SLICE_ARG(l->entry),
	    l->owner.len ? ", owner " : "", SLICE_ARG(l->owner), l->comment.len ? ", " : "",
	    SLICE_ARG(l->comment));
	log_info("whitelist: %.*s expired %s and is removed", SLICE_ARG(l->entry), until);
}

static void print_added(
    struct request *req, const struct managed_line *line, bool replaced, uint64_t number)
{
	json_t *list = json_array(), *o;

	add_line(list, line);
	o = json_incref(json_array_get(list, 0));
	json_decref(list);
	json_object_set_new(o, "replaced", json_boolean(replaced));
	json_object_set_new(o, "generation", json_integer((json_int_t)number));
	request_print_json(req, o);
}

int command_whitelist_add(struct request *req)
{
	char until[RFC3339_TEXT_MAX] = "";
	struct entry entry;
	struct managed_line line;
	struct managed_edit e;
	bool replaced;
	uint64_t number;

	if (!read_line(req, &line, &entry))
		return STATUS_USAGE;
	if (!open_list(req, &e, true))
		return STATUS_FAILED;
	keep_old_words(req, &e, &line);
	managed_each(&e, tell_expired, req);
	managed_add(&e, &line, time(NULL), &replaced);
	number = managed_edit_make_live(req, &e, "list");
	managed_end(&e);
	if (!number)
		return STATUS_FAILED;
	if (line.expires)
		rfc3339_format(line.expires, until);
	if (request_switch(req, "json"))
		print_added(req, &line, replaced, number);
	else
		channel_print(req->channel, "%.*s is %s %s%s: generation %llu is live\n",
		    SLICE_ARG(line.entry), replaced ? "updated, now" : "whitelisted",
		    until[0] ? "until " : "permanently", until, (unsigned long long)number);
	warn_of_no_effect(req, &line, &entry);
	log_info("whitelist: %.*s added %s%s", SLICE_ARG(line.entry),
	    until[0] ? "until " : "permanently", until);
	return STATUS_OK;
}

int command_whitelist_remove(struct request *req)
{
	struct slice entry = slice_trim(slice_str(request_argument(req, 0)));
	struct managed_edit e;
	uint64_t number = 0;

	if (entry.len == 0) {
		channel_error(req->channel, "whitelist remove needs an entry\n");
		return STATUS_USAGE;
	}
	if (!open_list(req, &e, true))
		return STATUS_FAILED;
	managed_each(&e, tell_expired, req);
	if (managed_remove(&e, entry, time(NULL)))
		number = managed_edit_make_live(req, &e, "list");
	else
		channel_error(req->channel, "%.*s is not in %s\n", SLICE_ARG(entry), e.path);
	managed_end(&e);
	if (!number)
		return STATUS_FAILED;
	if (request_switch(req, "json"))
		request_print_json(req, json_pack("{s:o, s:I}", "removed", json_from_slice(entry),
					    "generation", (json_int_t)number));
	else
		channel_print(req->channel, "%.*s is removed: generation %llu is live\n",
		    SLICE_ARG(entry), (unsigned long long)number);
	log_info("whitelist: %.*s removed", SLICE_ARG(entry));
	return STATUS_OK;
}

/* ---- list ---------------------------------------------------------------------------- */

static void print_line(void *context, const struct managed_line *l)
{
	struct request *req = context;
	char until[RFC3339_TEXT_MAX] = "permanent";
	struct managed_line reach = {.entry = SLICE(""),
	    .covers = l->covers,
	    .proof = l->proof,
	    .sender = l->sender,
	    .recipient = l->recipient,
	    .by = l->by,
	    .added = l->added};
	struct slice words = slice_trim(managed_write_line(req->arena, &reach));

	if (l->expires)
		rfc3339_format(l->expires, until);
	channel_print(req->channel, "%-32.*s %-20s%s %-10.*s %.*s%s%.*s\n", SLICE_ARG(l->entry),
	    until, l->expires && l->expires <= time(NULL) ? " EXPIRED" : "", SLICE_ARG(l->owner),
	    SLICE_ARG(l->comment), words.len ? "  " : "", SLICE_ARG(words));
}

int command_whitelist_list(struct request *req)
{
	struct managed_edit e;
	json_t *lines;

	if (!open_list(req, &e, false))
		return STATUS_FAILED;
	if (request_switch(req, "json")) {
		lines = json_array();
		managed_each(&e, add_line, lines);
		return request_print_json(req, lines);
	}
	managed_each(&e, print_line, req);
	return STATUS_OK;
}
