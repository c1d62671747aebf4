/*
 * noop_milter SOCKET [headers | message]: a libmilter filter that does nothing, to measure others
 * against.
 *
 * It asks for the same stages as susmilter does where no rule looks at headers (or, with
 * "headers", where one looks at From; with "message", where DKIM reads the body), so that both hold
 * the same conversation; each callback returns at once.
 */
#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static bool with_headers, with_body;

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long offered_actions,
    unsigned long offered_steps, unsigned long unused2, unsigned long unused3,
    unsigned long *actions, unsigned long *steps, unsigned long *reserved2,
    unsigned long *reserved3)
{
	const unsigned long always = SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_CONN | SMFIP_NR_HELO;

	(void)ctx;
	(void)unused2;
	(void)unused3;
	*actions = offered_actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE);
	*steps = offered_steps & (always |
				     (with_headers ? SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_HDR_LEADSPC
						   : SMFIP_NOHDRS | SMFIP_NOEOH) |
				     (with_body ? SMFIP_SKIP : SMFIP_NOBODY));
	*reserved2 = *reserved3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *sa)
{
	(void)ctx;
	(void)name;
	(void)sa;
	return SMFIS_CONTINUE;
}

static sfsistat on_text(SMFICTX *ctx, char *text)
{
	(void)ctx;
	(void)text;
	return SMFIS_CONTINUE;
}

static sfsistat on_envelope(SMFICTX *ctx, char **arguments)
{
	(void)ctx;
	(void)arguments;
	return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx;
	(void)name;
	(void)value;
	return SMFIS_NOREPLY;
}

static sfsistat on_end_of_headers(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_NOREPLY;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t len)
{
	(void)ctx;
	(void)bytes;
	(void)len;
	return SMFIS_CONTINUE;
}

static sfsistat on_event(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
	char name[] = "noop";
	struct smfiDesc callbacks = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_text,
	    .xxfi_envfrom = on_envelope,
	    .xxfi_envrcpt = on_envelope,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_end_of_headers,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_event,
	    .xxfi_abort = on_event,
	    .xxfi_close = on_event,
	    .xxfi_negotiate = on_negotiate,
	};

	if (argc < 2) {
		fprintf(stderr, "usage: noop_milter SOCKET [headers | message]\n");
		return 2;
	}
	with_body = argc > 2 && strcmp(argv[2], "message") == 0;
	with_headers = with_body || (argc > 2 && strcmp(argv[2], "headers") == 0);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){4096, 4096});
	if (smfi_register(callbacks) != MI_SUCCESS || smfi_setconn(argv[1]) != MI_SUCCESS)
		return 1;
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
