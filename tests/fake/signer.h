#ifndef TESTS_FAKE_SIGNER_H
#define TESTS_FAKE_SIGNER_H
/*
 * signer: messages with DKIM signatures, made when the test runs by two independent signers:
 * OpenDKIM's library and Debian's python3-dkim.
 *
 *     struct signer_key *key = signer_key_create(2048);
 *     struct signing how = {.domain = "example.org", .selector = "a", .length = -1};
 *     struct slice message = sign_by_opendkim(key, &how, SLICE("From:
 * a@example.org\r\n\r\nhi\r\n"), arena); zone_add(zone, SLICE("a._domainkey.example.org"), DNS_TXT,
 * signer_key_record(key, arena), 0);
 *
 * A signer that fails ends the test with a sentence.
 */
#include "core/base/arena.h"

struct signer_key;

/* bits: of an RSA key; 0 makes an ed25519 key. */
struct signer_key *signer_key_create(unsigned bits);
void signer_key_free(struct signer_key **);

/* "v=DKIM1; k=…; p=…"; bare: p= holds the RSAPublicKey without its SubjectPublicKeyInfo. */
struct slice signer_key_record(const struct signer_key *, bool bare, struct arena *);

struct signing {
	const char *domain, *selector;
	const char *identity; /* NULL: no i=; python3-dkim only */
	const char *fields;   /* h=, with colons; NULL: all fields of the message */
	bool relaxed_header, relaxed_body;
	bool sha1;
	long length;       /* l=; -1: none; for python3-dkim any other value is the whole body */
	uint64_t at;       /* t=; 0: now; OpenDKIM only */
	uint64_t lifetime; /* x= is t= and this many seconds; 0: none; OpenDKIM only */
};

/* The message with the new DKIM-Signature field in front. */
struct slice sign_by_opendkim(
    const struct signer_key *, const struct signing *, struct slice message, struct arena *);
struct slice sign_by_dkimpy(
    const struct signer_key *, const struct signing *, struct slice message, struct arena *);

/*
 * The same with a DKIM-Signature field in words of the caller's, for spellings that no signer has:
 * "DKIM-Signature: v=1; …; bh=@BODY@; b=@SIGNATURE@".  RSA keys only.
 */
struct slice sign_by_template(
    const struct signer_key *, const char *field, struct slice message, struct arena *);

#endif
