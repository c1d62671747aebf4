#include "edge/doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>

void doctor_add_finding(
    struct doctor *d, enum finding f, const char *change, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	d->findings.add(d->findings.context, f, text, change);
}
