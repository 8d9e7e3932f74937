/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/reason.h"

#define REASON_TEXT(name, text) text,
static const char *const texts[] = { REASON_TABLE(REASON_TEXT) };
#undef REASON_TEXT

const char *reason_text(enum reason reason)
{
	return reason < REASONS ? texts[reason] : texts[REASON_NONE];
}
