#include "history_address.h"

#include "core/name/address.h"
#include "edge/idn/idn.h"

/* Of one address. */
enum { ARENA_MAX = 64 * 1024 };

/* Whether an address has one spelling, but for case: most do. */
static bool is_plain(struct slice text)
{
	bool at = false, other = false;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		at |= c == '@';
		other |= c >= 0x80 || c == '"' || c == '\\';
	}
	if (!at)
		return true;
	/* A literal, and the root's dot. */
	return !other && text.ptr[text.len - 1] != ']' && text.ptr[text.len - 1] != '.';
}

struct slice history_address_folded(struct slice text, char room[HISTORY_ADDRESS_MAX])
{
	struct arena *arena;
	struct address address;

	if (is_plain(text) || !(arena = arena_create(ARENA_MAX)))
		return text;
	if (!address_parse(text, &idn_lenient, arena, &address) &&
	    address.folded.len <= HISTORY_ADDRESS_MAX) {
		memcpy(room, address.folded.ptr, address.folded.len);
		text = slice_of(room, address.folded.len);
	}
	arena_free(&arena);
	return text;
}
