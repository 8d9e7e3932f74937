/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "print.h"

int ctl_ping(struct ctl *ctl)
{
	int r = ctl_ask(ctl, PROTOCOL_GUEST_PING);

	if (r < 0)
		return r;
	if (ctl->options.json)
		return ctl_print_answer(ctl);
	printf("%s: an agent answers\n", ctl->session.path);
	return CTL_DONE;
}

static void put_key(struct text *out, const char *key)
{
	text_printf(out, "%-17s ", key);
}

static void put_word(struct text *out, const char *key, const char *word)
{
	put_key(out, key);
	print_escaped(out, word);
	text_puts(out, "\n");
}

static void put_count(struct text *out, const char *key, uint64_t count)
{
	put_key(out, key);
	text_putu(out, count);
	text_puts(out, "\n");
}

static void put_size(struct text *out, const char *key, uint64_t bytes, bool bytes_only)
{
	put_key(out, key);
	print_size(out, bytes, bytes_only);
	text_puts(out, "\n");
}

/* "Memory:  512M online, zone Movable, node 0"; what is unknown is left out. */
static void put_total(struct text *out, const struct protocol_answer_total *total,
		      bool bytes_only)
{
	put_key(out, "Memory:");
	print_size(out, total->bytes, bytes_only);
	text_puts(out, " ");
	print_escaped(out, total->state);
	if (strcmp(total->zone, "unknown") != 0) {
		text_puts(out, ", zone ");
		print_escaped(out, total->zone);
	}
	if (total->node >= 0)
		text_printf(out, ", node %" PRId64, total->node);
	text_puts(out, "\n");
}

static void put_status(struct text *out, const struct protocol_answer_status *status,
		       bool bytes_only)
{
	put_word(out, "Agent version:", status->version);
	put_count(out, "Protocol:", status->protocol);
	put_word(out, "Kernel:", status->kernel);
	put_word(out, "Instance:", status->instance);
	put_word(out, "Event source:", status->source);
	put_word(out, "Policy:", status->policy);
	put_word(out, "Carried out by:", status->carried_out_by);
	put_size(out, "Block size:", status->block_size_bytes, bytes_only);
	put_count(out, "Blocks:", status->block_count);
	put_count(out, "Writes pending:", status->pending);
	put_count(out, "Blocks refused:", status->failed);
	put_count(out, "Last report:", status->last_seq);
}

/* "Port:  org.memonline.agent.0, cannot be opened: Operation not permitted" */
static void put_port(struct text *out, const struct protocol_answer_status *status)
{
	put_key(out, "Port:");
	print_escaped(out, status->port);
	if (status->port_errno == 0)
		text_puts(out, ", open\n");
	else if (status->port_errno == ENOENT)
		text_puts(out, ", not there\n");
	else if (status->port_errno == EBUSY)
		text_puts(out, ", another program has it open\n");
	else
		text_printf(out, ", cannot be opened: %s\n",
			    strerror((int)status->port_errno));
}

/* "Held up:  memory40 online, 12 s; memory34 is being taken offline by somebody" */
static void put_held_up(struct text *out, const struct protocol_answer_status *status)
{
	put_key(out, "Held up:");
	text_printf(out, "memory%" PRIu64 " ", status->held_up_index);
	print_escaped(out, status->held_up_word);
	text_printf(out, ", %" PRIu64 " s", status->held_up_usec / 1000000);
	if (status->going_offline != UINT64_MAX)
		text_printf(out, "; memory%" PRIu64 " is being taken offline by somebody",
			    status->going_offline);
	text_puts(out, "\n");
}

static int put_answer(struct ctl *ctl, struct text *out)
{
	struct protocol_answer *answer = ctl->session.answer;
	struct protocol_answer_status status;
	struct protocol_answer_total total;
	int r = protocol_answer_status(answer, &status);
	size_t i;

	if (r < 0)
		return r;
	put_status(out, &status, ctl->options.bytes);
	for (i = 0; i < status.total_count; i++) {
		r = protocol_answer_total(answer, &status, i, &total);
		if (r < 0)
			return r;
		put_total(out, &total, ctl->options.bytes);
	}
	if (status.port)
		put_port(out, &status);
	if (status.held_up_word)
		put_held_up(out, &status);
	for (i = 0; i < status.racing_rule_count; i++)
		put_word(out, "Racing rule:", protocol_answer_racing_rule(&status, i));
	return out->failed ? -ENOMEM : 0;
}

int ctl_status(struct ctl *ctl)
{
	struct text out = TEXT_INIT;
	int r = ctl_ask(ctl, PROTOCOL_STATUS);

	if (r < 0)
		return r;
	if (ctl->options.json)
		return ctl_print_answer(ctl);
	r = put_answer(ctl, &out);
	if (r == 0)
		fputs(out.data, stdout);
	text_free(&out);
	return r;
}
