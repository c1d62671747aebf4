#ifndef RECORDED_MESSAGE_OUTPUT_H
#define RECORDED_MESSAGE_OUTPUT_H
/*
 * message_output: a command's answer as one or several messages (RFC 5322), which susmilterctl
 * prints or hands to sendmail(1).
 *
 *     message_output_start(&out, req, "jo@example.org")     // false after a complaint
 *     message_open(&out, subject, now, false); message_say(&out, "%s\n", text);
 * message_close(&out);
 *
 * What is said may hold bytes of strangers: control bytes become '?' (plain_text), all else is
 * encoded (core/mail/message_write.h).  With `mbox` each message begins with a "From " line, by
 * which they are told apart.
 */
#include "core/mail/message_write.h"
#include "edge/control/commands.h"

enum { MESSAGE_HOST_MAX = 256, MESSAGE_ADDRESS_MAX = 320 };

struct message_output {
	struct request *req;
	bool mbox;
	char host[MESSAGE_HOST_MAX]; /* of this machine */
	char from[MESSAGE_ADDRESS_MAX], to[MESSAGE_ADDRESS_MAX];
	struct message_writer writer;
};

/* to: NULL = postmaster; "%d" in it is for the caller to replace in out->to. */
bool message_output_start(struct message_output *, struct request *, const char *to);

void message_open(struct message_output *, const char *subject, int64_t now, bool html);
void message_say(struct message_output *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As it is: for what has been made safe already. */
void message_write(struct message_output *, struct slice text);
void message_close(struct message_output *);

#endif
