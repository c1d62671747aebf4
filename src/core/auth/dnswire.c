#include "core/auth/dnswire.h"

enum { ADDRESS4 = 4, ADDRESS6 = 16, PREFERENCE = 2 };

static unsigned char byte_at(struct slice s, size_t i)
{
	return (unsigned char)s.ptr[i];
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static char *put_escaped(char *at, unsigned char c)
{
	*at++ = '\\';
	*at++ = (char)('0' + c / 100);
	*at++ = (char)('0' + c / 10 % 10);
	*at++ = (char)('0' + c % 10);
	return at;
}

size_t dnswire_question(struct slice name, char out[static DNSWIRE_QUESTION_MAX])
{
	char *at = out;
	size_t label = 0;

	if (name.len > NAME_MAX_OCTETS)
		return 0;
	for (size_t i = 0; i < name.len; i++) {
		char c = slice_lower(name.ptr[i]);
		if (c == '.') {
			if (label == 0)
				return 0;
			label = 0;
			*at++ = c;
			continue;
		}
		if (++label > NAME_LABEL_MAX)
			return 0;
		if (is_plain(c))
			*at++ = c;
		else
			at = put_escaped(at, (unsigned char)c);
	}
	*at = '\0';
	return label == 0 ? 0 : (size_t)(at - out);
}

/* A name in wire form that fills the slice to its last byte; its text is shorter by two. */
static bool read_name(struct slice wire, char *room, struct slice *out)
{
	char *at = room;

	for (;;) {
		size_t label = wire.len ? byte_at(wire, 0) : 0;
		if (wire.len < 1 + label || label > NAME_LABEL_MAX)
			return false;
		if (label == 0)
			break;
		if (at > room)
			*at++ = '.';
		for (size_t i = 1; i <= label; i++) {
			if (wire.ptr[i] == '.')
				return false;
			*at++ = slice_lower(wire.ptr[i]);
		}
		wire = slice_skip(wire, 1 + label);
	}
	*out = slice_of(room, (size_t)(at - room));
	return wire.len == 1 && out->len <= NAME_MAX_OCTETS;
}

/* Joins the strings of a TXT; at least one must be there (RFC 1035 3.3.14). */
static bool read_strings(struct slice wire, char *room, struct slice *out)
{
	char *at = room;

	if (wire.len == 0)
		return false;
	while (wire.len) {
		size_t string = byte_at(wire, 0);
		if (wire.len < 1 + string)
			return false;
		memcpy(at, wire.ptr + 1, string);
		at += string;
		wire = slice_skip(wire, 1 + string);
	}
	*out = slice_of(room, (size_t)(at - room));
	return true;
}

static bool read_address(struct slice wire, size_t size, char *room, struct slice *out)
{
	if (wire.len != size)
		return false;
	memcpy(room, wire.ptr, size);
	*out = slice_of(room, size);
	return true;
}

static bool read_mx(struct slice wire, char *room, struct dns_record *out)
{
	if (wire.len <= PREFERENCE)
		return false;
	out->preference = (uint16_t)(byte_at(wire, 0) << 8 | byte_at(wire, 1));
	return read_name(slice_skip(wire, PREFERENCE), room, &out->data);
}

static bool read_record(enum dns_type type, struct slice rdata, char *room, struct dns_record *out)
{
	switch (type) {
	case DNS_A:
		return read_address(rdata, ADDRESS4, room, &out->data);
	case DNS_AAAA:
		return read_address(rdata, ADDRESS6, room, &out->data);
	case DNS_TXT:
		return read_strings(rdata, room, &out->data);
	case DNS_PTR:
		return read_name(rdata, room, &out->data);
	case DNS_MX:
		return read_mx(rdata, room, out);
	}
	return false;
}

bool dnswire_record(enum dns_type type, struct slice rdata, char *room, struct dns_record *out)
{
	struct dns_record record = {0};

	if (!read_record(type, rdata, room, &record))
		return false;
	*out = record;
	return true;
}

const char *dns_type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_AAAA:
		return "AAAA";
	case DNS_MX:
		return "MX";
	case DNS_PTR:
		return "PTR";
	case DNS_TXT:
		return "TXT";
	}
	return "?";
}
