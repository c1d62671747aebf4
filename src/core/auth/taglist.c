#include "core/auth/taglist.h"

bool taglist_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice s)
{
	while (s.len > 0 && taglist_is_blank(s.ptr[0]))
		s = slice_skip(s, 1);
	while (s.len > 0 && taglist_is_blank(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

static bool is_letter(char c)
{
	return slice_lower(c) >= 'a' && slice_lower(c) <= 'z';
}

static bool is_tag_name(struct slice s)
{
	if (s.len == 0 || !is_letter(s.ptr[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_letter(s.ptr[i]) && !(s.ptr[i] >= '0' && s.ptr[i] <= '9') &&
		    s.ptr[i] != '_')
			return false;
	return true;
}

static bool is_tag_value(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c < 0x21 || c == 0x7f) && !taglist_is_blank(s.ptr[i]))
			return false;
	}
	return slice_is_utf8(s);
}

static const char *add_tag(struct slice spec, struct taglist *list)
{
	size_t equals = slice_find(spec, '=');
	struct tag tag = {trim(slice_of(spec.ptr, equals)), trim(slice_skip(spec, equals + 1))};

	if (equals == spec.len)
		return "tag without an equal sign";
	if (!is_tag_name(tag.name))
		return "malformed tag name";
	if (!is_tag_value(tag.value))
		return "control character or invalid UTF-8 in a tag";
	for (size_t i = 0; i < list->count; i++)
		if (slice_equal(list->tags[i].name, tag.name))
			return "a tag stands twice";
	if (list->count == TAGLIST_MAX)
		return "too many tags";
	list->tags[list->count++] = tag;
	return NULL;
}

const char *taglist_parse(struct slice text, struct taglist *out)
{
	struct slice rest = text;
	const char *wrong = NULL;

	out->count = 0;
	do {
		struct slice spec = trim(slice_cut(&rest, ';'));

		/* One semicolon may end the list. */
		if (spec.len == 0 && (rest.ptr || out->count == 0))
			wrong = "empty tag";
		else if (spec.len > 0)
			wrong = add_tag(spec, out);
	} while (rest.ptr && !wrong);
	return wrong;
}

bool taglist_get(const struct taglist *list, const char *name, struct slice *value)
{
	for (size_t i = 0; i < list->count; i++) {
		if (slice_equal(list->tags[i].name, slice_str(name))) {
			*value = list->tags[i].value;
			return true;
		}
	}
	*value = slice_of(NULL, 0);
	return false;
}

bool taglist_element(struct slice *rest, struct slice *element)
{
	if (!rest->ptr)
		return false;
	*element = trim(slice_cut(rest, ':'));
	return true;
}
