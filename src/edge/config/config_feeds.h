#ifndef CONFIG_FEEDS_H
#define CONFIG_FEEDS_H
/*
 * config_feeds: reading them (config_feeds.c), and what is said of it (config_feeds_text.c).
 */
#include "config_load.h"

/* One warning of all that is left out. */
void feed_tell_left_out(struct load *, const struct loaded_feed *, const struct feed_counts *);

/* Into f->why, for a verdict other than FEED_TAKEN. */
void feed_say_why(
    struct loaded_feed *, const struct feed_counts *, enum feed_verdict, const struct feed_want *);

/* It is not taken, and the rule has other entries of it; said in front of all else. */
void feed_tell_kept(struct load *, const struct loaded_feed *);

/* It is not taken, and nobody has other entries. */
void feed_tell_never_read(struct load *, const struct feed_want *, const struct loaded_feed *);

#endif
