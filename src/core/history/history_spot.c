#include "history_spot.h"

static void spot_append(struct history_spot *s, const void *bytes, size_t n)
{
	if (n > sizeof s->bytes - s->len)
		n = sizeof s->bytes - s->len;
	if (n > 0)
		memcpy(s->bytes + s->len, bytes, n);
	s->len += n;
}

static struct history_spot spot_of_member(uint32_t member, enum entry_kind kind)
{
	const unsigned char byte = (unsigned char)kind;
	struct history_spot s = {.len = 0};

	spot_append(&s, &member, sizeof member);
	spot_append(&s, &byte, 1);
	return s;
}

struct history_spot history_spot_of_network(uint32_t member, const struct prefix *p)
{
	struct history_spot s = spot_of_member(member, ENTRY_NETWORK);
	unsigned char bytes[16];

	spot_append(&s, bytes, ip_to_bytes(&p->base, bytes));
	return s;
}

struct history_spot history_spot_of_place(uint32_t member, uint32_t number)
{
	struct history_spot s = spot_of_member(member & ~UINT32_C(0xff), ENTRY_NETWORK);

	spot_append(&s, &number, sizeof number);
	return s;
}

struct history_spot history_spot_of_text(uint32_t member, enum entry_kind kind, struct slice text)
{
	struct history_spot s = spot_of_member(member, kind);

	spot_append(&s, text.ptr, text.len);
	return s;
}

struct slice history_spot_bytes(const struct history_spot *s)
{
	return slice_of((const char *)s->bytes, s->len);
}
