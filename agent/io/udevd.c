/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/udevd.h"

#include <string.h>

bool udevd_runs(struct root *root)
{
	const char *text;
	size_t len;

	if (root_has(root, "/run/udev/control"))
		return true;
	/* udev 147 (EL6) listens on a socket of the abstract kind, which only this file shows. */
	return root_read_file(root, "/proc/net/unix", &text, &len) == 0 &&
	       strstr(text, "@/org/kernel/udev/udevd");
}

const char *udevd_racing_rules(struct root *root)
{
	const char *text;
	size_t len;

	if (root_read_file(root, "/run/memonline/racing-rules", &text, &len) == 0 ||
	    root_read_file(root, "/var/run/memonline/racing-rules", &text, &len) == 0)
		return text;
	return "";
}
