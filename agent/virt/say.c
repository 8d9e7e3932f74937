/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/number.h"
#include "ctl/print.h"
#include "io/client.h"
#include "virt.h"

static const struct {
	enum virt_code code;
	const char *class;
} classes[] = {
	{ VIRT_FAILED, "Failed" },    { VIRT_USAGE, "Usage" },
	{ VIRT_NO_AGENT, "NoAgent" }, { VIRT_UNKNOWN, "Unknown" },
	{ VIRT_PARTLY, "Partly" },
};

const char *virt_class(enum virt_code code)
{
	size_t i;

	for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].code == code)
			return classes[i].class;
	return "Failed";
}

static void put_json_error(enum virt_code code, const char *desc)
{
	struct text line = TEXT_INIT;

	text_printf(&line,
		    "{\"error\": {\"class\": \"%s\", \"desc\": ", virt_class(code));
	json_put_string(&line, desc, strlen(desc));
	text_puts(&line, "}}");
	if (!line.failed)
		puts(line.data);
	text_free(&line);
}

static bool shown; /* a line of progress */

void virt_clear_progress(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}

/* Messages may contain text of the command line, of libvirt, of a guest. */
static void put_line(const char *line)
{
	struct text escaped = TEXT_INIT;

	print_escaped(&escaped, line);
	virt_clear_progress();
	fflush(stdout);
	fprintf(stderr, "virt-memonline: %s\n",
		escaped.failed || !escaped.data ? "" : escaped.data);
	text_free(&escaped);
}

void virt_show_progress(const struct virt *virt, const char *format, ...)
{
	struct text escaped = TEXT_INIT;
	char line[512];
	va_list arguments;

	if (virt->options.json || virt->service || !isatty(STDERR_FILENO))
		return;
	va_start(arguments, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is begun in the line above */
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	print_escaped(&escaped, line);
	if (!escaped.failed && escaped.data)
		fprintf(stderr, "\r\033[K%s", escaped.data);
	fflush(stderr);
	text_free(&escaped);
	shown = true;
}

int virt_fail(const struct virt *virt, enum virt_code code, const char *format, ...)
{
	char desc[1024];
	va_list arguments;

	va_start(arguments, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is begun in the line above */
	vsnprintf(desc, sizeof(desc), format, arguments);
	va_end(arguments);
	if (virt->options.json)
		put_json_error(code, desc);
	else
		put_line(desc);
	return (int)code;
}

void virt_say(const struct virt *virt, const char *format, ...)
{
	char line[1024];
	va_list arguments;

	if (virt->options.json)
		return;
	va_start(arguments, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is begun in the line above */
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	put_line(line);
}

int virt_fail_host(const struct virt *virt, const char *what, int r,
		   const struct call_error *error)
{
	if (r == -ETIMEDOUT)
		return virt_fail(virt, VIRT_UNKNOWN,
				 "%s: libvirt does not answer within %u s", what,
				 (unsigned)virt->options.answer_sec);
	return virt_fail(virt, VIRT_FAILED, "%s: %s", what,
			 r == -ECOMM ? error->message : strerror(-r));
}

/* The exit codes of what a guest does. */
static enum virt_code guest_code(int error)
{
	switch (-error) {
	case EBUSY:
		return VIRT_UNKNOWN;
	case ENXIO:
	case ENOTCONN:
	case ETIMEDOUT:
	case EPIPE:
		return VIRT_NO_AGENT;
	default:
		return VIRT_FAILED;
	}
}

int virt_fail_guest(const struct virt *virt, const char *domain,
		    const struct guest_fault *fault)
{
	struct text said = TEXT_INIT;
	int code;

	guest_explain(&said, fault);
	code = virt_fail(virt, guest_code(fault->error), "domain %s: %s", domain,
			 said.failed || !said.data ? "" : said.data);
	text_free(&said);
	return code;
}

const char *virt_size(const struct virt *virt, uint64_t bytes, char buffer[VIRT_SIZE_MAX])
{
	struct text text = TEXT_INIT;

	print_size(&text, bytes, virt->options.bytes);
	snprintf(buffer, VIRT_SIZE_MAX, "%s",
		 text.failed || !text.data ? "?" : text.data);
	text_free(&text);
	return buffer;
}

uint64_t virt_answer_until(const struct virt *virt)
{
	return client_now_msec() + virt->options.answer_sec * 1000;
}

bool virt_parse_size(const char *text, uint64_t *bytes)
{
	uint64_t value;

	if (!number_parse_size(text, &value) || value == 0 || value % 1024 ||
	    value > INT64_MAX)
		return false;
	*bytes = value;
	return true;
}
