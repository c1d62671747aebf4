#include "geo_private.h"

#include "edge/os/write_all.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- opening ------------------------------------------------------------------------- */

/* The bytes as a file that nobody can change or cut; -1: the sentence is in why. */
static int copy_bytes(struct slice bytes, char why[GEO_WHY_MAX])
{
	int fd = memfd_create("mmdb", MFD_CLOEXEC);

	if (fd >= 0 && !write_all(fd, bytes)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		snprintf(why, GEO_WHY_MAX, "cannot be copied into memory: %s", strerror(errno));
	return fd;
}

/* libmaxminddb checks the size of the search tree against that of the file, but takes other
 * numbers as they come. */
static const char *check_metadata(const MMDB_metadata_s *m)
{
	if (m->node_count == 0)
		return "has an empty search tree";
	if (m->ip_version != 4 && m->ip_version != 6)
		return "is for neither IPv4 nor IPv6";
	if (m->build_epoch == 0)
		return "does not say when it was built";
	return NULL;
}

static bool open_copy(struct geo_db *db, int fd, char why[GEO_WHY_MAX])
{
	char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];
	const char *wrong;
	int error;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	error = MMDB_open(path, MMDB_MODE_MMAP, &db->mmdb);
	if (error != MMDB_SUCCESS) {
		snprintf(why, GEO_WHY_MAX, "is not a complete MMDB (%s)", MMDB_strerror(error));
		return false;
	}
	wrong = check_metadata(&db->mmdb.metadata);
	if (!wrong)
		return true;
	snprintf(why, GEO_WHY_MAX, "is not a usable MMDB: it %s", wrong);
	MMDB_close(&db->mmdb);
	return false;
}

struct geo_db *geo_open(struct slice bytes, char why[GEO_WHY_MAX])
{
	int fd = copy_bytes(bytes, why);
	struct geo_db *db;

	if (fd < 0)
		return NULL;
	db = calloc(1, sizeof *db);
	if (!db) {
		snprintf(why, GEO_WHY_MAX, "cannot be opened: out of memory");
	} else if (!open_copy(db, fd, why)) {
		free(db);
		db = NULL;
	}
	close(fd);
	return db;
}

void geo_free(struct geo_db **db)
{
	if (!*db)
		return;
	MMDB_close(&(*db)->mmdb);
	free(*db);
	*db = NULL;
}

struct slice geo_bytes(const struct geo_db *db)
{
	return slice_of((const char *)db->mmdb.file_content, (size_t)db->mmdb.file_size);
}

uint64_t geo_built(const struct geo_db *db)
{
	return db->mmdb.metadata.build_epoch;
}

const char *geo_type(const struct geo_db *db)
{
	return db->mmdb.metadata.database_type ? db->mmdb.metadata.database_type : "";
}

/* ---- records ------------------------------------------------------------------------- */

/*
 * The value at a path of keys that ends in NULL; false when the record has none there, and also,
 * with *broken set, when it cannot be read.
 */
static bool value_at(
    const MMDB_entry_s *record, const char *const *keys, MMDB_entry_data_s *out, bool *broken)
{
	MMDB_entry_s entry = *record;
	int error = MMDB_aget_value(&entry, out, keys);

	*broken |= error != MMDB_SUCCESS && error != MMDB_LOOKUP_PATH_DOES_NOT_MATCH_DATA_ERROR;
	return error == MMDB_SUCCESS && out->has_data;
}

/* 64500, or "AS64500". */
static uint32_t asn_value(const MMDB_entry_data_s *v)
{
	struct slice text;
	uint64_t number;

	if (v->type == MMDB_DATA_TYPE_UINT32)
		return v->uint32;
	if (v->type != MMDB_DATA_TYPE_UTF8_STRING)
		return 0;
	text = slice_of(v->utf8_string, v->data_size);
	if (slice_starts_nocase(text, SLICE("AS")))
		text = slice_skip(text, 2);
	return slice_to_uint(text, UINT32_MAX, &number) ? (uint32_t)number : 0;
}

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool read_asn(const MMDB_entry_s *record, struct geo_place *place)
{
	static const char *const keys[][2] = {{"autonomous_system_number", NULL}, {"asn", NULL}};
	MMDB_entry_data_s value;
	bool broken = false;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0] && place->asn == 0; i++)
		if (value_at(record, keys[i], &value, &broken))
			place->asn = asn_value(&value);
	return !broken;
}

static bool read_country(const MMDB_entry_s *record, struct geo_place *place)
{
	static const char *const keys[][3] = {
	    {"country", "iso_code", NULL}, {"country_code", NULL}, {"country", NULL}};
	MMDB_entry_data_s value;
	bool broken = false;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !place->country[0]; i++) {
		if (!value_at(record, keys[i], &value, &broken) ||
		    value.type != MMDB_DATA_TYPE_UTF8_STRING || value.data_size != 2 ||
		    !is_capital(value.utf8_string[0]) || !is_capital(value.utf8_string[1]))
			continue;
		memcpy(place->country, value.utf8_string, 2);
		place->country[2] = '\0';
	}
	return !broken;
}

bool geo_read(const MMDB_entry_s *record, struct geo_place *place)
{
	return read_asn(record, place) && read_country(record, place);
}

/* ---- one address --------------------------------------------------------------------- */

void geo_lookup(const struct geo_db *db, const struct ip *ip, struct geo_place *place)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const struct sockaddr *address = (const struct sockaddr *)&v4;
	MMDB_lookup_result_s result;
	unsigned char bytes[16];
	int error;

	if (!db || ip->family == IP_NONE)
		return;
	ip_to_bytes(ip, bytes);
	memcpy(&v4.sin_addr, bytes, sizeof v4.sin_addr);
	memcpy(&v6.sin6_addr, bytes, sizeof v6.sin6_addr);
	if (ip->family == IP_V6)
		address = (const struct sockaddr *)&v6;
	result = MMDB_lookup_sockaddr(&db->mmdb, address, &error);
	if (error == MMDB_SUCCESS && result.found_entry)
		geo_read(&result.entry, place);
}
