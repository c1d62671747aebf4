#include "core/rules/settings.h"

const struct word mode_words[] = {{"enforce", 0}, {"monitor", 1}, {NULL, 0}};
const struct word spf_words[] = {{"off", SPF_OFF}, {"monitor", SPF_MONITOR},
    {"unless-dkim", SPF_UNLESS_DKIM}, {"reject", SPF_REJECT}, {NULL, 0}};
const struct word dmarc_words[] = {{"off", DMARC_OFF}, {"monitor", DMARC_MONITOR},
    {"quarantine", DMARC_QUARANTINE}, {"reject", DMARC_REJECT}, {"strict", DMARC_STRICT},
    {NULL, 0}};
const struct word mixed_words[] = {
    {"split", MIXED_SPLIT}, {"lenient", MIXED_LENIENT}, {"strict", MIXED_STRICT}, {NULL, 0}};
const struct word on_off_words[] = {{"on", 1}, {"off", 0}, {NULL, 0}};
const struct word bool_words[] = {{"true", 1}, {"false", 0}, {NULL, 0}};
const struct word accept_tempfail_words[] = {{"accept", 0}, {"tempfail", 1}, {NULL, 0}};
const struct word accept_reject_words[] = {{"accept", 0}, {"reject", 1}, {NULL, 0}};
const struct word tempfail_accept_words[] = {{"tempfail", 0}, {"accept", 1}, {NULL, 0}};
const struct word reject_accept_words[] = {{"reject", 0}, {"accept", 1}, {NULL, 0}};
const struct word mark_hold_words[] = {{"mark", 0}, {"hold", 1}, {NULL, 0}};

const struct switch_option switch_options[SWITCH_COUNT] = {
    {"susranges", on_off_words},
    {"blocks", on_off_words},
    {"spf", spf_words},
    {"dmarc", dmarc_words},
    {"forwards", bool_words},
};

int switch_value(const struct switches *s, unsigned n)
{
	switch (1u << n) {
	case SWITCH_SUSRANGES:
		return s->susranges;
	case SWITCH_BLOCKS:
		return s->blocks;
	case SWITCH_SPF:
		return (int)s->spf;
	case SWITCH_DMARC:
		return (int)s->dmarc;
	default:
		return s->forwards;
	}
}

void switch_set(struct switches *s, unsigned n, int value)
{
	switch (1u << n) {
	case SWITCH_SUSRANGES:
		s->susranges = value != 0;
		break;
	case SWITCH_BLOCKS:
		s->blocks = value != 0;
		break;
	case SWITCH_SPF:
		s->spf = (enum spf_switch)value;
		break;
	case SWITCH_DMARC:
		s->dmarc = (enum dmarc_switch)value;
		break;
	default:
		s->forwards = value != 0;
	}
}

const char *switch_word(const struct switches *s, unsigned n)
{
	return word_of(switch_options[n].words, switch_value(s, n));
}
