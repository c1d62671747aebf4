#include "core/rules/ruleset.h"

#include <stdlib.h>

const struct switches *ruleset_switches(const struct ruleset *rules, struct slice domain)
{
	uint32_t i = rules->domains ? name_radix_lookup(rules->domains, domain) : 0;

	return i == 0 ? &rules->settings.defaults : rules->layers[i - 1];
}

void ruleset_free(struct ruleset **set)
{
	struct ruleset *rules = *set;

	if (!rules)
		return;
	for (int key = 0; key < KEY_COUNT; key++)
		name_radix_free(&rules->names[key]);
	for (int i = 0; i < IDENTITY_COUNT; i++)
		name_radix_free(&rules->addresses[i]);
	for (int i = 0; i < IDENTITY_COUNT; i++)
		pattern_set_free(&rules->pattern_sets[i]);
	for (unsigned i = 0; i < rules->pattern_count; i++)
		pattern_free(&rules->patterns[i].pattern);
	for (unsigned i = 0; i < rules->header_count; i++)
		pattern_free(&rules->headers[i].pattern);
	free(rules->headers);
	free(rules->fields);
	name_radix_free(&rules->domains);
	name_radix_free(&rules->own_domains);
	ip_radix_free(&rules->networks);
	member_sets_free(&rules->sets);
	free(rules->patterns);
	free(rules->unlisted);
	for (unsigned i = 0; i < rules->dnsbl_count; i++)
		dnsbl_free_trees(&rules->dnsbls[i]);
	free(rules->dnsbls);
	free(rules->switches);
	free(rules->layers);
	free(rules->rules);
	arena_free(&rules->arena);
	free(rules);
	*set = NULL;
}

/* Programs behind us trust a field of a name that the configuration gives, whether or not these
 * rules ever add one; of Authentication-Results the one in which results can stand. */
static bool has_own_fields(const struct settings *s)
{
	return s->headers_verdict.len > 0 ||
	       (s->headers_results.len > 0 &&
		   !slice_equal_nocase(s->headers_results, SLICE("Authentication-Results")));
}

bool ruleset_wants_headers(const struct ruleset *rules)
{
	return rules->has_from || rules->has_spf || rules->has_monitored ||
	       has_own_fields(&rules->settings) || ruleset_wants_body(rules);
}

bool ruleset_wants_body(const struct ruleset *rules)
{
	return rules->has_dmarc || rules->has_unless_dkim || rules->has_results;
}

size_t ruleset_bytes(const struct ruleset *rules)
{
	size_t bytes = sizeof *rules + arena_used(rules->arena) + member_sets_bytes(rules->sets) +
		       ip_radix_bytes(rules->networks) + rules->rule_count * sizeof *rules->rules +
		       rules->pattern_count * sizeof *rules->patterns +
		       rules->unlisted_count * sizeof *rules->unlisted +
		       rules->header_count * sizeof *rules->headers +
		       rules->field_count * sizeof *rules->fields +
		       rules->switch_count * sizeof *rules->switches +
		       rules->layer_count * sizeof *rules->layers;

	for (int key = 0; key < KEY_COUNT; key++)
		bytes += rules->names[key] ? name_radix_bytes(rules->names[key]) : 0;
	for (int i = 0; i < IDENTITY_COUNT; i++)
		bytes += (rules->addresses[i] ? name_radix_bytes(rules->addresses[i]) : 0) +
			 (rules->pattern_sets[i] ? pattern_set_bytes(rules->pattern_sets[i]) : 0);
	for (unsigned i = 0; i < rules->dnsbl_count; i++) {
		const struct dnsbl *list = &rules->dnsbls[i];

		bytes += sizeof *list + (list->networks ? ip_radix_bytes(list->networks) : 0) +
			 (list->names ? name_radix_bytes(list->names) : 0);
	}
	bytes += rules->own_domains ? name_radix_bytes(rules->own_domains) : 0;
	return bytes + (rules->domains ? name_radix_bytes(rules->domains) : 0);
}

bool ruleset_asks_field(const struct ruleset *rules, struct slice folded)
{
	unsigned low = 0, high = rules->field_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = slice_compare(folded, rules->fields[middle]);

		if (order == 0)
			return true;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

const struct rule *ruleset_find_rule(const struct ruleset *rules, struct slice name)
{
	for (unsigned i = 0; i < rules->rule_count; i++)
		if (slice_equal(rules->rules[i].name, name))
			return &rules->rules[i];
	return NULL;
}
