/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/print.h"
#include "devices.h"

static const char *result_text(enum virt_code code)
{
	switch (code) {
	case VIRT_DONE:
		return "done";
	case VIRT_PARTLY:
		return "partly";
	case VIRT_UNKNOWN:
		return "unknown";
	default:
		return "failed";
	}
}

/* --- why */

static const struct {
	enum change_end end;
	enum virt_code code;
	const char *sentence;
} ends[] = {
	{ CHANGE_FAILED, VIRT_FAILED, "refused" },
	{ CHANGE_BUSY, VIRT_UNKNOWN, "another job holds the domain; nothing was done" },
	{ CHANGE_PARTLY, VIRT_PARTLY, "the guest has gone only so far" },
	{ CHANGE_UNKNOWN, VIRT_UNKNOWN,
	  "no answer in time: it may be done yet, look again" },
	{ CHANGE_PENDING, VIRT_UNKNOWN,
	  "asked for and not done in time: there is no cancel, it may be at any time" },
	{ CHANGE_FORGOTTEN, VIRT_FAILED,
	  "the guest was reset, which has forgotten the request" },
	{ CHANGE_GONE, VIRT_FAILED, "the domain no longer runs" },
};

void outcome_blame(struct outcome *outcome, const struct change *change)
{
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (ends[i].end != change->end)
			continue;
		outcome->code = ends[i].code;
		snprintf(outcome->why, sizeof(outcome->why), "%s: %s%s%.300s",
			 change->alias, ends[i].sentence, *change->why ? ": " : "",
			 change->why);
	}
}

/* --- JSON */

static void put_text(struct text *out, const char *name, const char *value)
{
	text_printf(out, ", \"%s\": ", name);
	json_put_string(out, value, strlen(value));
}

static void put_change(struct text *out, const struct target *target,
		       const struct change *change)
{
	const struct capacity_device *device = target_device(target, change->alias);

	text_printf(out, "{\"end\": \"%s\"", change_end_text(change->end));
	put_text(out, "alias", change->alias);
	if (*change->why)
		put_text(out, "why", change->why);
	text_puts(out, ", \"device\": ");
	if (device)
		devices_put_json(out, device);
	else
		text_puts(out, "null");
	text_puts(out, "}");
}

static int print_text(const struct target *target, struct text *out, int code)
{
	if (out->failed)
		code = virt_fail(target->virt, VIRT_FAILED, "out of memory");
	else
		puts(out->data);
	text_free(out);
	return code;
}

static int print_json(const struct target *target, const struct outcome *outcome)
{
	struct text out = TEXT_INIT;
	size_t i;

	text_printf(&out, "{\"verb\": \"%s\", \"result\": \"%s\"", target->virt->verb,
		    result_text(outcome->code));
	put_text(&out, "domain", target->name);
	text_printf(&out, ", \"asked\": %" PRIu64 ", \"done\": %" PRIu64, outcome->asked,
		    outcome->done);
	text_puts(&out, ", \"changes\": [");
	for (i = 0; i < outcome->count; i++) {
		text_puts(&out, i ? ", " : "");
		put_change(&out, target, &outcome->changes[i]);
	}
	text_puts(&out, "]");
	if (outcome->code != VIRT_DONE) {
		text_printf(&out, ", \"error\": {\"class\": \"%s\"",
			    virt_class(outcome->code));
		put_text(&out, "desc", outcome->why);
		text_puts(&out, "}");
	}
	text_puts(&out, "}");
	return print_text(target, &out, (int)outcome->code);
}

/* --- for people */

static void print_change(struct virt *virt, const struct target *target,
			 const struct change *change)
{
	const struct capacity_device *device = target_device(target, change->alias);
	struct text alias = TEXT_INIT;

	if (device) {
		devices_put_row(virt, device);
		return;
	}
	print_escaped(&alias, change->alias);
	if (!alias.failed && alias.data)
		printf("%s: taken out\n", alias.data);
	text_free(&alias);
}

int outcome_print(struct target *target, const struct outcome *outcome)
{
	struct virt *virt = target->virt;
	char asked[VIRT_SIZE_MAX], done[VIRT_SIZE_MAX];
	size_t i;

	if (virt->options.json)
		return print_json(target, outcome);
	virt_clear_progress();
	for (i = 0; i < outcome->count; i++)
		print_change(virt, target, &outcome->changes[i]);
	if (virt->table.row_count > 0 && table_print(&virt->table, stdout, true) < 0)
		return virt_fail(virt, VIRT_FAILED, "out of memory");
	printf("%s: %s, %s of %s\n", virt->verb, result_text(outcome->code),
	       virt_size(virt, outcome->done, done),
	       virt_size(virt, outcome->asked, asked));
	if (outcome->code != VIRT_DONE)
		virt_say(virt, "domain %s: %s", target->name, outcome->why);
	return (int)outcome->code;
}

/* --- plans */

static const char *kind_text(const struct capacity_step *step)
{
	switch (step->kind) {
	case CAPACITY_ATTACH:
		return "attach";
	case CAPACITY_RESIZE:
		return "resize";
	case CAPACITY_DETACH:
		break;
	}
	return "detach";
}

static const char *step_alias(const struct target *target,
			      const struct capacity_step *step)
{
	return step->kind == CAPACITY_ATTACH
		       ? "a new DIMM"
		       : target->domain.capacity.devices[step->device].alias;
}

static int print_plan_json(const struct target *target, const struct capacity_plan *plan)
{
	struct text out = TEXT_INIT;
	size_t i;

	text_printf(&out, "{\"verb\": \"%s\", \"result\": \"dry-run\"",
		    target->virt->verb);
	put_text(&out, "domain", target->name);
	text_printf(&out, ", \"asked\": %" PRIu64 ", \"steps\": [", plan->bytes);
	for (i = 0; i < plan->count; i++) {
		text_printf(&out, "%s{\"step\": \"%s\", \"size\": %" PRIu64,
			    i ? ", " : "", kind_text(&plan->steps[i]),
			    plan->steps[i].size);
		if (plan->steps[i].kind != CAPACITY_ATTACH)
			put_text(&out, "alias", step_alias(target, &plan->steps[i]));
		text_puts(&out, "}");
	}
	text_puts(&out, "]}");
	return print_text(target, &out, VIRT_DONE);
}

int outcome_print_plan(struct target *target, const struct capacity_plan *plan)
{
	char size[VIRT_SIZE_MAX];
	size_t i;

	if (target->virt->options.json)
		return print_plan_json(target, plan);
	for (i = 0; i < plan->count; i++) {
		const struct capacity_step *step = &plan->steps[i];
		struct text alias = TEXT_INIT;

		print_escaped(&alias, step_alias(target, step));
		printf("would %s %s%s %s\n", kind_text(step),
		       alias.failed || !alias.data ? "?" : alias.data,
		       step->kind == CAPACITY_RESIZE ? " to" : " of",
		       virt_size(target->virt, step->size, size));
		text_free(&alias);
	}
	return VIRT_DONE;
}

int outcome_refuse(struct target *target, enum capacity_reason reason,
		   const struct capacity_plan *plan)
{
	char most[VIRT_SIZE_MAX + 32] = "";

	if (plan->possible != CAPACITY_UNKNOWN) {
		char size[VIRT_SIZE_MAX];

		snprintf(most, sizeof(most), " (at most %s)",
			 virt_size(target->virt, plan->possible, size));
	}
	return virt_fail(target->virt, VIRT_FAILED, "domain %s: %s: %s%s", target->name,
			 capacity_reason_text(reason), capacity_reason_help(reason),
			 most);
}
