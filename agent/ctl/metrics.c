/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/metrics.h"
#include "ctl.h"

#define MEMORY_MAX (256UL * 1024) /* bytes of its lines */

/* The elements come before the answer is whole. */
static int put_element(struct protocol_answer *element, void *data)
{
	struct text *out = data;
	struct message_total total;
	struct metrics_memory memory = { .labels = "" };
	int r;

	if (strcmp(element->list, "memory") != 0)
		return 0;
	r = protocol_answer_read(element, &message_total, &total);
	if (r < 0)
		return r;
	memory.node = total.node;
	memory.state = total.state;
	memory.zone = total.zone;
	memory.bytes = total.bytes;
	metrics_put_memory(out, &memory);
	return out->len > MEMORY_MAX ? -E2BIG : 0;
}

static int put_memory(struct ctl *ctl, struct text *out)
{
	struct message_status status;
	int r;

	metrics_put_memory_heading(out);
	ctl->session.on_element = put_element;
	ctl->session.element_data = out;
	r = ctl_ask(ctl, PROTOCOL_STATUS);
	return r < 0 ? r
		     : protocol_answer_read(&ctl->session.answer, &message_status,
					    &status);
}

static int put_stats(struct ctl *ctl, struct text *out)
{
	struct stats stats;
	struct metrics_source source = { "", &stats };
	int r = ctl_ask(ctl, PROTOCOL_STATS);

	if (r == 0)
		r = protocol_answer_read(&ctl->session.answer, &message_stats, &stats);
	if (r == 0)
		metrics_put_stats(out, METRICS_OPEN, &source, 1);
	return r;
}

static int run_metrics(struct ctl *ctl)
{
	struct text out = TEXT_INIT;
	int r = put_memory(ctl, &out);

	if (r == 0)
		r = put_stats(ctl, &out);
	if (r == 0) {
		metrics_end(&out, METRICS_OPEN);
		r = out.failed ? -ENOMEM : CTL_DONE;
	}
	if (r == CTL_DONE)
		fputs(out.data, stdout);
	text_free(&out);
	return r;
}

const struct ctl_verb ctl_verb_metrics = {
	.name = "metrics",
	.help = "print the same and the blocks as OpenMetrics text",
	.run = run_metrics,
};
