/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/reason.h"
#include "ctl.h"
#include "print.h"

#define FACTS_MAX (256UL * 1024) /* bytes of their lines */
#define NAME_WIDTH 20 /* longer than any fact's name */

/* What a verdict means for the user, by the reasons of memonline-protocol(7). */
static const struct {
	enum reason reason;
	const char *sentence;
} sentences[] = {
	{ REASON_POLICY,
	  "The policy brings it online; if it stays offline, see the log." },
	{ REASON_POLICY_KEEP,
	  "The policy leaves it alone; `memonlinectl online' brings it online." },
	{ REASON_ALREADY_ONLINE, "There is nothing to do." },
	{ REASON_GOING_OFFLINE, "Another program is taking it offline now." },
	{ REASON_STATE_UNREADABLE,
	  "The kernel has not finished adding it, or is removing it." },
	{ REASON_OFFLINED_ELSEWHERE,
	  "Somebody took it offline in this boot, so it stays offline; `memonlinectl "
	  "online' brings it online." },
	{ REASON_ASKED,
	  "A command took it offline, so it stays offline; `memonlinectl online' brings "
	  "it online." },
	{ REASON_TIMED_OUT,
	  "The kernel did not take it offline in time; `memonlinectl offline' tries again." },
	{ REASON_REFUSED,
	  "The kernel refused it; memonlined retries at the next memory event, at SIGHUP, "
	  "or by `memonlinectl online'." },
	{ REASON_UNCHANGED, "The kernel accepted the write, and nothing changed." },
	{ REASON_ARCHITECTURE,
	  "The policy auto leaves memory alone on this architecture; set another policy." },
	{ REASON_ADMINISTRATOR,
	  "An administrator decided who brings memory online: see memhp-default-state and "
	  "auto-online-blocks below." },
	{ REASON_RATIO_REACHED, "Its DIMM does not fit into movable-ratio." },
	{ REASON_FALLBACK,
	  "The kernel refused the zone of the policy, so any other zone will do." },
	{ REASON_ZONE_FIXED,
	  "This kernel refused the zone of the policy: the block stays in the zone to "
	  "which the kernel added it." },
	{ REASON_KERNEL_DEFAULT,
	  "The policy leaves it alone; the kernel would bring it online, if memonlined had not "
	  "switched that off for other memory." },
	{ REASON_REZONED, "memonlined moves it to the zone of the policy." },
};

static const char *sentence_for(const char *reason)
{
	size_t i;

	for (i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (strcmp(reason_text(sentences[i].reason), reason) == 0)
			return sentences[i].sentence;
	return NULL;
}

struct block_name {
	uint64_t number; /* of the block, or an address */
	bool is_address;
};

/* "35", "memory35" or "0x118000000" */
static bool parse_name(const char *text, struct block_name *name)
{
	const char *end = text + strlen(text);
	bool ok;

	name->is_address = strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0;
	if (strncmp(text, "memory", 6) == 0)
		text += 6;
	ok = name->is_address ? number_take_any(&text, end, &name->number)
			      : number_take(&text, end, 10, &name->number);
	return ok && text == end && name->number <= INT64_MAX;
}

/* Whether it names one block: "35", "memory35", or an address in it, "0x118000000". */
static bool is_block(const char *text)
{
	struct block_name name;

	return parse_name(text, &name);
}

/* 0 or negative errno. */
static int find_block(struct ctl *ctl, uint64_t *index)
{
	struct block_name name;
	uint64_t bytes;
	int r;

	if (!parse_name(ctl->argument, &name))
		return -EINVAL;
	*index = name.number;
	if (!name.is_address)
		return 0;
	r = ctl_ask(ctl, PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO);
	if (r == 0)
		r = protocol_answer_block_size(&ctl->session.answer, &bytes);
	if (r == 0)
		*index = name.number / bytes;
	return r;
}

static void put_verdict(struct text *out, const struct message_explained *explained)
{
	const char *sentence = sentence_for(explained->reason);

	text_printf(out, "memory%" PRIu64 ": ", explained->phys_index);
	if (strcmp(explained->word, "none") == 0)
		text_puts(out, "left alone");
	else
		print_escaped(out, explained->word);
	text_puts(out, " (");
	print_escaped(out, explained->reason);
	text_printf(out, ")\n%s%s\n", sentence ? sentence : "", sentence ? "\n" : "");
}

/* Prints a line for each fact; the facts come before the rest of the answer. */
static int put_fact(struct protocol_answer *element, void *data)
{
	struct text *out = data;
	struct message_fact fact;
	size_t begin = out->len;
	int r;

	if (strcmp(element->list, "facts") != 0)
		return 0;
	r = protocol_answer_read(element, &message_fact, &fact);
	if (r < 0)
		return r;
	print_escaped(out, fact.name);
	do
		text_puts(out, " ");
	while (!out->failed && out->len - begin < NAME_WIDTH);
	print_escaped(out, fact.value);
	text_puts(out, "\n");
	return out->len > FACTS_MAX ? -E2BIG : 0;
}

static int print_explained(struct ctl *ctl, const struct text *facts)
{
	struct message_explained explained;
	struct text out = TEXT_INIT;
	int r = protocol_answer_read(&ctl->session.answer, &message_explained,
				     &explained);

	if (r == 0) {
		put_verdict(&out, &explained);
		text_append(&out, facts->data, facts->len);
		r = out.failed || facts->failed ? -ENOMEM : 0;
	}
	if (r == 0)
		fputs(out.data, stdout);
	text_free(&out);
	return r;
}

static int run_explain(struct ctl *ctl)
{
	struct protocol_request request;
	struct text facts = TEXT_INIT;
	int r;

	protocol_request_init(&request, PROTOCOL_EXPLAIN);
	r = find_block(ctl, &request.index);
	if (r < 0)
		return r;
	ctl->session.prints = ctl->options.json;
	ctl->session.on_element = put_fact;
	ctl->session.element_data = &facts;
	r = ctl_send(ctl, &request);
	if (r == 0)
		r = ctl->options.json ? ctl_session_print(&ctl->session)
				      : print_explained(ctl, &facts);
	text_free(&facts);
	return r;
}

const struct ctl_argument ctl_block_argument = {
	"BLOCK", is_block, "N, memoryN or an address 0xADDRESS in it"
};

const struct ctl_verb ctl_verb_explain = {
	.name = "explain",
	.help = "show the decision about one block, and why",
	.argument = &ctl_block_argument,
	.takes = CTL_JSON,
	.run = run_explain,
};
