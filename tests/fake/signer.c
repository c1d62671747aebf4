#include "fake/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <opendkim/dkim.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIELDS_MAX = 64, HEADER_MAX = 65536 };

struct signer_key {
	EVP_PKEY *key;
	bool ed25519;
};

static void give_up(const char *what)
{
	fprintf(stderr, "signer: %s\n", what);
	abort();
}

struct signer_key *signer_key_create(unsigned bits)
{
	struct signer_key *k = calloc(1, sizeof *k);

	if (!k)
		give_up("out of memory");
	k->ed25519 = bits == 0;
	k->key = bits ? EVP_RSA_gen(bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!k->key)
		give_up("no key could be made");
	return k;
}

void signer_key_free(struct signer_key **k)
{
	if (!*k)
		return;
	EVP_PKEY_free((*k)->key);
	free(*k);
	*k = NULL;
}

static struct slice base64(const unsigned char *bytes, int len, struct arena *arena)
{
	char *out = arena_alloc(arena, (size_t)len * 2 + 8);

	return slice_of(out, (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, len));
}

struct slice signer_key_record(const struct signer_key *k, bool bare, struct arena *arena)
{
	unsigned char point[32], *der = NULL;
	size_t len = sizeof point;
	struct slice text;

	if (k->ed25519) {
		EVP_PKEY_get_raw_public_key(k->key, point, &len);
		text = base64(point, (int)len, arena);
	} else {
		int n = bare ? i2d_PublicKey(k->key, &der) : i2d_PUBKEY(k->key, &der);

		text = base64(der, n, arena);
	}
	OPENSSL_free(der);
	return arena_printf(
	    arena, "v=DKIM1; k=%s; p=%.*s", k->ed25519 ? "ed25519" : "rsa", SLICE_ARG(text));
}

/* The private key as the signer wants it: PEM, or for python3-dkim the base64 of an ed25519 seed.
 */
static struct slice private_key(const struct signer_key *k, bool seed, struct arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char raw[32];
	size_t len = sizeof raw;
	char *pem;
	struct slice text;

	if (seed) {
		EVP_PKEY_get_raw_private_key(k->key, raw, &len);
		text = base64(raw, (int)len, arena);
	} else {
		if (k->ed25519)
			PEM_write_bio_PrivateKey(bio, k->key, NULL, NULL, 0, NULL, NULL);
		else
			PEM_write_bio_PrivateKey_traditional(
			    bio, k->key, NULL, NULL, 0, NULL, NULL);
		len = (size_t)BIO_get_mem_data(bio, &pem);
		text = arena_copy(arena, slice_of(pem, len));
	}
	BIO_free(bio);
	return text;
}

/* ---- OpenDKIM ------------------------------------------------------------------------ */

static void opendkim_options(DKIM_LIB *lib, const struct signing *how)
{
	unsigned minimum = 0;
	uint64_t at = how->at, lifetime = how->lifetime;

	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &minimum, sizeof minimum);
	if (at)
		dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_FIXEDTIME, &at, sizeof at);
	if (lifetime)
		dkim_options(
		    lib, DKIM_OP_SETOPT, DKIM_OPTS_SIGNATURETTL, &lifetime, sizeof lifetime);
}

/* h= as OpenDKIM takes it: the fields there are, and one more of each that stands there more often.
 */
static void opendkim_fields(DKIM_LIB *lib, const struct signing *how, struct arena *arena)
{
	const char *sign[FIELDS_MAX] = {NULL}, *oversign[FIELDS_MAX] = {NULL};
	struct slice rest = slice_str(how->fields);
	size_t n = 0, over = 0;

	while (rest.ptr && n < FIELDS_MAX - 1 && over < FIELDS_MAX - 1) {
		const char *name = arena_strdup(arena, slice_cut(&rest, ':'));
		bool twice = false;

		for (size_t i = 0; i < n; i++)
			twice = twice || strcmp(sign[i], name) == 0;
		if (twice)
			oversign[over++] = name;
		else
			sign[n++] = name;
	}
	if (n)
		dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_SIGNHDRS, sign, sizeof(char **));
	if (over)
		dkim_options(
		    lib, DKIM_OP_SETOPT, DKIM_OPTS_OVERSIGNHDRS, oversign, sizeof(char **));
}

static void check(DKIM_STAT status, const char *what)
{
	if (status != DKIM_STAT_OK) {
		fprintf(stderr, "signer: %s: %s\n", what, dkim_getresultstr(status));
		_exit(1);
	}
}

static void feed(DKIM *dkim, struct slice message, struct arena *arena)
{
	unsigned char *bytes = (unsigned char *)arena_strdup(arena, message);

	check(dkim_chunk(dkim, bytes, message.len), "dkim_chunk");
	check(dkim_chunk(dkim, NULL, 0), "dkim_chunk");
}

/* In a process of its own: OpenDKIM's signing leaks, and what it does stays there. */
static void opendkim_child(const struct signer_key *k, const struct signing *how,
    struct slice message, struct arena *arena, int out)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	struct slice pem = private_key(k, false, arena);
	dkim_alg_t algorithm = k->ed25519  ? DKIM_SIGN_ED25519SHA256
			       : how->sha1 ? DKIM_SIGN_RSASHA1
					   : DKIM_SIGN_RSASHA256;
	DKIM_STAT status;
	DKIM *dkim;
	unsigned char *header;
	size_t len;

	opendkim_options(lib, how);
	opendkim_fields(lib, how, arena);
	dkim = dkim_sign(lib, (const unsigned char *)"t", NULL, (dkim_sigkey_t)(uintptr_t)pem.ptr,
	    (const unsigned char *)how->selector, (const unsigned char *)how->domain,
	    how->relaxed_header ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE,
	    how->relaxed_body ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE, algorithm, how->length,
	    &status);
	check(status, "dkim_sign");
	if (how->length >= 0)
		dkim_setpartial(dkim, true);
	feed(dkim, message, arena);
	check(dkim_eom(dkim, NULL), "dkim_eom");
	check(dkim_getsighdr_d(dkim, sizeof "DKIM-Signature: " - 1, &header, &len), "signature");
	if (dprintf(out, "DKIM-Signature: %.*s\r\n", (int)len, (char *)header) < 0)
		_exit(1);
	_exit(0);
}

/* What the child writes until it ends, which must be well. */
static struct slice output_of(pid_t child, int in, struct arena *arena)
{
	char *text = arena_alloc(arena, HEADER_MAX);
	size_t n = 0;
	ssize_t got;
	int status;

	if (child < 0)
		give_up("no process for a signer");
	while ((got = read(in, text + n, HEADER_MAX - n)) > 0)
		n += (size_t)got;
	close(in);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		give_up("a signer failed");
	return slice_of(text, n);
}

static struct slice signed_message(struct slice header, struct slice message, struct arena *arena)
{
	char *text = arena_alloc(arena, header.len + message.len + 1);

	memcpy(text, header.ptr, header.len);
	memcpy(text + header.len, message.ptr, message.len);
	return slice_of(text, header.len + message.len);
}

struct slice sign_by_opendkim(const struct signer_key *k, const struct signing *how,
    struct slice message, struct arena *arena)
{
	int ends[2];
	pid_t child;

	if (pipe(ends) != 0)
		give_up(strerror(errno));
	child = fork();
	if (child == 0) {
		close(ends[0]);
		opendkim_child(k, how, message, arena, ends[1]);
	}
	close(ends[1]);
	return signed_message(output_of(child, ends[0], arena), message, arena);
}

/* ---- python3-dkim -------------------------------------------------------------------- */

static void write_file(const char *path, struct slice text)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(text.ptr, 1, text.len, f) != text.len || fclose(f) != 0)
		give_up(path);
}

/* The arguments of a signer: "python3", the script, a place for the file of the key, and more. */
enum { ARGUMENT_KEY = 2 };

static void python_child(char *const arguments[], const char *message, int out)
{
	int in = open(message, O_RDONLY);

	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execv("/usr/bin/python3", arguments);
	_exit(1);
}

static struct slice sign_by_python(
    const struct signer_key *k, const char *arguments[], struct slice message, struct arena *arena)
{
	union {
		const char **given;
		char *const *wanted;
	} argv = {arguments};
	char directory[] = "/tmp/signer.XXXXXX", key[64], text[64];
	int ends[2];
	pid_t child;
	struct slice header;

	if (!mkdtemp(directory) || pipe(ends) != 0)
		give_up(strerror(errno));
	snprintf(key, sizeof key, "%s/key", directory);
	snprintf(text, sizeof text, "%s/message", directory);
	write_file(key, private_key(k, k->ed25519, arena));
	write_file(text, message);
	arguments[ARGUMENT_KEY] = key;
	child = fork();
	if (child == 0)
		python_child(argv.wanted, text, ends[1]);
	close(ends[1]);
	header = output_of(child, ends[0], arena);
	unlink(key);
	unlink(text);
	rmdir(directory);
	return signed_message(header, message, arena);
}

struct slice sign_by_dkimpy(const struct signer_key *k, const struct signing *how,
    struct slice message, struct arena *arena)
{
	char canon[32], length[32];
	const char *arguments[] = {"python3", "tests/fake/dkimpy_sign.py", NULL, how->selector,
	    how->domain, how->identity ? how->identity : "-", canon,
	    k->ed25519  ? "ed25519-sha256"
	    : how->sha1 ? "rsa-sha1"
			: "rsa-sha256",
	    length, how->fields ? how->fields : "-", NULL};

	snprintf(canon, sizeof canon, "%s/%s", how->relaxed_header ? "relaxed" : "simple",
	    how->relaxed_body ? "relaxed" : "simple");
	snprintf(length, sizeof length, "%ld", how->length);
	return sign_by_python(k, arguments, message, arena);
}

struct slice sign_by_template(
    const struct signer_key *k, const char *field, struct slice message, struct arena *arena)
{
	const char *arguments[] = {
	    "python3", "tests/fake/dkim_template_sign.py", NULL, field, NULL};

	return sign_by_python(k, arguments, message, arena);
}
