#ifndef MODEL_H
#define MODEL_H
/*
 * model: the policy once more, plain and slow, to compare the product with.
 *
 *     model susmilter.conf <sessions >verdicts
 *
 * reads the configuration and its lists, and answers the same JSON lines as
 * `susmilterctl explain --batch -c susmilter.conf`.  Lines with "recipients" are messages, as
 * messages.c has them: what becomes of each recipient in the end.  Written from the specification,
 * apart from the product: every look-up is a walk over all entries from the first to the last,
 * every session looks at every rule, and nothing here comes from the product's headers.  The
 * configuration has to be without errors: what is wrong with one is not this program's matter.
 *
 * AS numbers and countries come from a text beside the database, FILE.mmdb.txt, from which the
 * database was made: lines NETWORK ASN COUNTRY, none inside another.
 *
 * Memory is taken and not given back: the program lives for one comparison.
 */
#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 u128;

/* ---- values: model_values.c ---- */

/* IPv4 as its mapped address: 96 bits more. */
struct net {
	u128 base;
	int length;
};

struct address {
	char *text, *local, *domain; /* local and domain NULL where there is none */
};

void *need(void *memory); /* or the end of the program */
char *lower(const char *s);
bool parse_ip(const char *text, u128 *out);
bool parse_net(const char *text, struct net *out);
bool in_net(u128 ip, const struct net *n);
void print_net(const struct net *n, char *out, size_t size);
char *fold_local(const char *local);
char *composed(const char *text);
char *parse_name(const char *text); /* canonical, or NULL: no name */
struct address parse_address(const char *text);
bool is_below(const char *name, const char *ancestor);
int labels(const char *name);

/* ---- lists of entries: model_list.c ---- */

enum form { F_NAME, F_TREE, F_BELOW, F_ADDRESS, F_SUB, F_LOCAL, F_NULL, F_LOGIN, F_PATTERN };

struct entry {
	enum form form;
	bool out;
	char *name, *local;
	uint64_t hash; /* of name: strings are compared only where it agrees */
	regex_t re;
};

/* All entries of one key, in the order in which they stand. */
struct list {
	struct net *nets;
	bool *net_out;
	uint32_t *base4, *mask4; /* the IPv4 ones of nets, for a faster walk; at4 says which */
	uint32_t *at4;
	size_t net_count, net_room, count4;
	struct entry *entries;
	uint64_t *hashes;
	size_t count, room;
	long asn[64];
	bool asn_out[64];
	size_t asn_count;
	char country[64][3];
	bool country_out[64];
	size_t country_count;
};

void add_network(struct list *l, const char *text);
void add_word(struct list *l, const char *text);       /* name, address or pattern */
void set_whole_pattern(regex_t *re, const char *text); /* with its slashes */
void add_login(struct list *l, const char *text);      /* login or pattern */
void add_asn(struct list *l, const char *text);
void add_country(struct list *l, const char *text);

struct place {
	struct net net;
	long asn;
	char country[3];
};

struct geo {
	struct place *places;
	size_t count;
};

void read_geo(struct geo *g, const char *mmdb);

enum tri { NO, YES, UNKNOWN };

/* An identity as a session tells it. */
struct who {
	bool known;
	char *text;  /* NULL: absent */
	char *name;  /* NULL: no domain name */
	char *local; /* NULL: no address */
};

bool list_holds(const struct list *l, const struct who *w);
bool list_holds_ip(const struct list *l, u128 ip, const struct geo *asn, const struct geo *country,
    struct net *matched);

/* ---- configuration: model_conf.c ---- */

enum { ID_CLIENT_NAME, ID_HELO, ID_SENDER, ID_FROM, ID_RECIPIENT, IDS };
enum { K_NETWORKS = IDS, K_DOMAINS, K_LOGIN, KEYS }; /* the first are one for each identity */
/* Criteria on one fact. */
enum { W_SPF, W_DKIM, W_DMARC, W_SENDER_DOMAIN, W_FROM_DOMAIN, W_REVERSE, W_HELO, W_LISTED, FACTS };
enum { WORDS_MAX = 8 };
extern const char *const fact_names[FACTS];
extern const char *const fact_words[FACTS][WORDS_MAX]; /* NULL behind the last */
enum { COVERS_BLOCKS = 1, COVERS_SUSRANGES = 2, COVERS_SPF = 4, COVERS_DMARC = 8 };
enum { PROOF_SPF = 1, PROOF_CLIENT_NAME = 2 };
enum spf_switch { SPF_OFF, SPF_MONITOR, SPF_UNLESS_DKIM, SPF_REJECT };
enum dmarc_switch { DMARC_OFF, DMARC_MONITOR, DMARC_QUARANTINE, DMARC_REJECT, DMARC_STRICT };

/* What one entry of header or all_headers asks. */
struct ask {
	bool absent, has_pattern;
	char *name;
	regex_t re;
};

enum { ASKS_MAX = 8 };

struct asks {
	struct ask at[ASKS_MAX];
	size_t count; /* 0: not asked */
};

enum { TLS_NO = 1, TLS_BELOW_1_2 = 2, TLS_BELOW_1_3 = 4 };

struct criteria {
	struct list *key[KEYS]; /* NULL: not asked */
	struct asks header, all_headers;
	unsigned tls;                            /* bits of words; 0: not asked */
	unsigned in;                             /* bits of identities that domains looks at */
	unsigned words[FACTS], out_words[FACTS]; /* bits by word, of criteria on one fact */
};

struct rule {
	char *name;
	struct criteria match, unless;
	bool monitor;
	bool put_off;    /* undecided = "tempfail" */
	int64_t expires; /* 0: never */
	int code;        /* of its reply; 0: the default */
	unsigned covers, proof;
	bool inbound, authenticated; /* the sessions that it is for */
};

struct rules {
	struct rule *rule;
	size_t count;
};

struct switches {
	bool blocks, susranges;
	enum spf_switch spf;
	enum dmarc_switch dmarc;
};

enum { SW_SUSRANGES, SW_BLOCKS, SW_SPF, SW_DMARC, SW_FORWARDS, SWITCHES };

struct domain {
	enum form form;
	char *name;          /* NULL: "*" */
	int value[SWITCHES]; /* -1: not given */
};

struct conf {
	bool monitor;
	struct list trusted, exempt;
	struct rules susranges, whitelist, blocks;
	struct switches defaults;
	struct domain *domains;
	size_t domain_count;
	bool spf_temp, spf_perm, dmarc_temp, unproven_accept, bad_from_accept, hold;
	bool lenient, strict; /* mixed; neither: split */
	struct geo asn, country;
};

void read_conf(struct conf *c, const char *path);

#endif
