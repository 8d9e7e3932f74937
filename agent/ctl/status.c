/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "print.h"

#define LISTS_MAX (256UL * 1024) /* bytes of lines; hundreds of each are few */

static int run_ping(struct ctl *ctl)
{
	int r;

	ctl->session.prints = ctl->options.json;
	r = ctl_ask(ctl, PROTOCOL_GUEST_PING);
	if (r < 0)
		return r;
	if (ctl->options.json)
		return ctl_session_print(&ctl->session);
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
static void put_total(struct text *out, const struct message_total *total,
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

static void put_status(struct text *out, const struct message_status *status,
		       bool bytes_only)
{
	put_word(out, "Version:", status->version);
	put_count(out, "Protocol:", status->protocol);
	put_word(out, "Kernel:", status->kernel);
	put_word(out, "Instance:", status->instance);
	put_word(out, "Event source:", status->source);
	put_word(out, "Policy:", status->policy);
	put_word(out, "Executor:", status->carried_out_by);
	put_size(out, "Block size:", status->block_size_bytes, bytes_only);
	put_count(out, "Blocks:", status->block_count);
	put_count(out, "Writes pending:", status->pending);
	put_count(out, "Blocks refused:", status->failed);
	put_count(out, "Last report:", status->last_seq);
}

/* "Port:  org.memonline.agent.0, cannot be opened: Operation not permitted" */
static void put_port(struct text *out, const struct message_port *port)
{
	put_key(out, "Port:");
	print_escaped(out, port->name);
	if (port->error == 0)
		text_puts(out, ", open\n");
	else if (port->error == ENOENT)
		text_puts(out, ", missing\n");
	else if (port->error == EBUSY)
		text_puts(out, ", open in another program\n");
	else
		text_printf(out, ", cannot be opened: %s\n",
			    strerror((int)(port->error & INT32_MAX)));
}

/* "Held up:  memory40 online, 12 s; memory34 is being taken offline" */
static void put_held_up(struct text *out, const struct message_status *status)
{
	put_key(out, "Held up:");
	text_printf(out, "memory%" PRIu64 " ", status->held_up.phys_index);
	print_escaped(out, status->held_up.word);
	text_printf(out, ", %" PRIu64 " s", status->held_up.elapsed_usec / 1000000);
	if (status->held_up.going_offline != UINT64_MAX)
		text_printf(out, "; memory%" PRIu64 " is being taken offline",
			    status->held_up.going_offline);
	text_puts(out, "\n");
}

/* The lines for the lists in the answer; the lists come before the rest of it. */
struct lists {
	const struct ctl *ctl;
	struct text totals, rules;
};

static int put_element(struct protocol_answer *element, void *data)
{
	struct lists *lists = data;
	struct message_total total;
	int r = 0;

	if (strcmp(element->list, "racing-rules") == 0) {
		put_word(&lists->rules, "Racing rule:", protocol_word(&element->value));
	} else if (strcmp(element->list, "memory") == 0) {
		r = protocol_answer_read(element, &message_total, &total);
		if (r == 0)
			put_total(&lists->totals, &total, lists->ctl->options.bytes);
	}
	return lists->totals.len + lists->rules.len > LISTS_MAX ? -E2BIG : r;
}

static int put_answer(struct ctl *ctl, const struct lists *lists, struct text *out)
{
	struct message_status status;
	int r = protocol_answer_read(&ctl->session.answer, &message_status, &status);

	if (r < 0)
		return r;
	put_status(out, &status, ctl->options.bytes);
	text_append(out, lists->totals.data, lists->totals.len);
	if (status.port.name)
		put_port(out, &status.port);
	if (status.held_up.word)
		put_held_up(out, &status);
	text_append(out, lists->rules.data, lists->rules.len);
	return out->failed || lists->totals.failed || lists->rules.failed ? -ENOMEM : 0;
}

static int print_status(struct ctl *ctl)
{
	struct lists lists = { ctl, TEXT_INIT, TEXT_INIT };
	struct text out = TEXT_INIT;
	int r;

	ctl->session.on_element = put_element;
	ctl->session.element_data = &lists;
	r = ctl_ask(ctl, PROTOCOL_STATUS);
	if (r == 0)
		r = put_answer(ctl, &lists, &out);
	if (r == 0)
		fputs(out.data, stdout);
	text_free(&lists.totals);
	text_free(&lists.rules);
	text_free(&out);
	return r;
}

static int run_status(struct ctl *ctl)
{
	int r;

	if (!ctl->options.json)
		return print_status(ctl);
	ctl->session.prints = true;
	r = ctl_ask(ctl, PROTOCOL_STATUS);
	return r < 0 ? r : ctl_session_print(&ctl->session);
}

const struct ctl_verb ctl_verb_status = {
	.name = "status",
	.help = "show version, policy, and how much memory is online",
	.takes = CTL_JSON | CTL_BYTES,
	.run = run_status,
};

const struct ctl_verb ctl_verb_ping = {
	.name = "ping",
	.help = "check that an agent answers",
	.takes = CTL_JSON,
	.run = run_ping,
};
