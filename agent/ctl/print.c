/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "core/number.h"

void print_escaped(struct text *out, const char *raw)
{
	static const char named[] = "\n\t\r\\";
	static const char letters[] = "ntr\\";

	for (; *raw; raw++) {
		const char *found = strchr(named, *raw);

		if (found)
			text_printf(out, "\\%c", letters[found - named]);
		else if (*raw >= ' ' && *raw <= '~')
			text_append(out, raw, 1);
		else
			text_printf(out, "\\x%02x", (unsigned char)*raw);
	}
}

void print_size(struct text *out, uint64_t bytes, bool bytes_only)
{
	uint64_t one = 1, whole, tenths;
	unsigned unit = 0;

	if (bytes_only) {
		text_putu(out, bytes);
		return;
	}
	while (bytes / one >= 1024) {
		one *= 1024;
		unit++;
	}
	whole = bytes / one;
	tenths = (bytes % one * 10 + one / 2) / one; /* below 2^64: one is at most 2^60 */
	whole += tenths / 10;
	tenths %= 10;
	if (tenths)
		text_printf(out, "%" PRIu64 ".%" PRIu64 "%c", whole, tenths,
			    number_unit(unit));
	else
		text_printf(out, "%" PRIu64 "%c", whole, number_unit(unit));
}

void print_time(struct text *out, int64_t seconds)
{
	time_t when = (time_t)seconds;
	char buffer[32];
	struct tm broken;

	if (when == seconds && gmtime_r(&when, &broken) &&
	    strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%SZ", &broken) > 0)
		text_puts(out, buffer);
	else
		text_printf(out, "@%" PRId64, seconds);
}

/* What the files of a block are known to give. */
static const struct {
	int number;
	const char *name;
} errors[] = {
#define ERROR(name) name, #name
	{ ERROR(EPERM) },   { ERROR(ENOENT) },	   { ERROR(EINTR) },
	{ ERROR(EIO) },	    { ERROR(EAGAIN) },	   { ERROR(ENOMEM) },
	{ ERROR(EACCES) },  { ERROR(EBUSY) },	   { ERROR(EEXIST) },
	{ ERROR(ENODEV) },  { ERROR(EINVAL) },	   { ERROR(ENOSPC) },
	{ ERROR(EROFS) },   { ERROR(ERANGE) },	   { ERROR(ENOSYS) },
	{ ERROR(ENODATA) }, { ERROR(EOPNOTSUPP) }, { ERROR(ETIMEDOUT) },
#undef ERROR
};

void print_errno(struct text *out, int64_t number)
{
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].number == number) {
			text_puts(out, errors[i].name);
			return;
		}
	}
	text_printf(out, "%" PRId64, number);
}
