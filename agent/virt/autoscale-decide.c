/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "autoscale.h"

#define UNMEASURED_USEC 1000000ull

/* --- the log */

static void put_size(struct text *out, const char *what, uint64_t bytes)
{
	text_puts(out, what);
	if (bytes == STATS_UNKNOWN)
		text_puts(out, "unknown");
	else
		text_printf(out, "%" PRIu64 "M", bytes >> 20);
}

/* "(given 1024M, online 1024M, available 80M, kernel zones 20M, stall 1.20%)" */
static void put_inputs(struct text *out, const struct scale_facts *facts)
{
	const struct stats *stats = &facts->stats;

	put_size(out, " (given ", facts->given);
	put_size(out, ", online ", facts->confirmed);
	put_size(out, ", available ", stats->available);
	put_size(out, ", kernel zones ", stats->kernel.free);
	if (stats->some.total_usec != STATS_UNKNOWN)
		text_printf(out, ", stall %" PRIu64 ".%02" PRIu64 "%%",
			    stats->some.avg10 / 100, stats->some.avg10 % 100);
	text_puts(out, ")");
}

/* What passes by itself is not worth a line. */
static bool is_rail(enum scale_reason reason)
{
	switch (reason) {
	case SCALE_BY_ENOUGH:
	case SCALE_BY_SPARE:
	case SCALE_BY_IN_FLIGHT:
	case SCALE_BY_COOL_DOWN:
	case SCALE_BY_NOT_CALM:
	case SCALE_BY_LAST_GROWTH:
	case SCALE_BY_STALE:
	case SCALE_BY_AT_MINIMUM:
		return false;
	default:
		return true;
	}
}

static bool is_news(struct keeper *keeper, const struct scale_guest *guest)
{
	const struct scale_decision *decision = &guest->decision;
	bool news;

	if (decision->action != SCALE_NOTHING)
		news = decision->action != keeper->logged_action ||
		       decision->bytes != keeper->logged_bytes ||
		       !keeper->virt.options.dry_run;
	else
		news = guest->memory.state != keeper->logged_state ||
		       (is_rail(decision->reason) &&
			decision->reason != keeper->logged_reason);
	/* A dry run stays where it is: what it would do is said once. */
	if (decision->action != SCALE_NOTHING || !keeper->virt.options.dry_run) {
		keeper->logged_action = decision->action;
		keeper->logged_bytes = decision->bytes;
	}
	keeper->logged_state = guest->memory.state;
	if (is_rail(decision->reason))
		keeper->logged_reason = decision->reason;
	return news;
}

static void log_decision(struct keeper *keeper, const struct scale_guest *guest)
{
	const struct scale_decision *decision = &guest->decision;
	struct text line = TEXT_INIT;

	if (!is_news(keeper, guest))
		return;
	text_puts(&line, scale_state_text(guest->memory.state));
	if (decision->action != SCALE_NOTHING) {
		text_printf(&line, ", %s%s ",
			    keeper->virt.options.dry_run ? "would " : "",
			    scale_action_text(decision->action));
		put_size(&line, "", decision->bytes);
	}
	text_printf(&line, ": %s",
		    scale_reason_text(decision->action == SCALE_NOTHING
					      ? decision->reason
					      : guest->memory.reason));
	put_inputs(&line, &guest->facts);
	if (!line.failed)
		virt_say(&keeper->virt, "domain %s: %s", keeper->record.name, line.data);
	text_free(&line);
}

/* --- what is remembered */

static void record(struct keeper *keeper, const struct scale_guest *guest, uint64_t now)
{
	const struct scale_decision *decision = &guest->decision;
	struct scale_record *to = &keeper->record;

	to->time_usec = now;
	to->given = guest->facts.given;
	to->confirmed = guest->facts.confirmed;
	to->available = guest->facts.stats.available;
	snprintf(to->reason, sizeof(to->reason), "%s",
		 scale_reason_text(decision->action == SCALE_NOTHING
					   ? decision->reason
					   : guest->memory.reason));
	if (decision->action == SCALE_NOTHING)
		return;
	snprintf(to->action, sizeof(to->action), "%s",
		 scale_action_text(decision->action));
	snprintf(to->action_reason, sizeof(to->action_reason), "%s", to->reason);
	to->action_bytes = decision->bytes;
	to->action_usec = now;
}

static void store(struct scaler *scaler)
{
	int r = scaler->state ? autoscale_write_state(scaler) : 0;

	if (r < 0)
		virt_say(scaler->virt, "%s: %s", scaler->state, strerror(-r));
}

/* --- decisions */

/* With the mutex: SIGHUP replaces the rules. */
static void take_host_rules(const struct scaler *scaler, struct scale_host *host)
{
	const struct scale_config *config = &scaler->config;
	uint64_t all = scaler->host_bytes;

	/* A host of an unknown size gives nothing by a percentage of it. */
	if (all == CAPACITY_UNKNOWN)
		all = 0;
	host->capacity = scale_config_bytes(&config->capacity, all);
	host->reserve_soft = scale_config_bytes(&config->reserve_soft, all);
	host->reserve_hard = scale_config_bytes(&config->reserve_hard, all);
}

/* A dry run goes on as if nothing had been decided. */
static void hand_out(struct keeper *keeper, struct scale_guest *guest)
{
	if (guest->decision.action == SCALE_NOTHING)
		return;
	if (!keeper->virt.options.dry_run) {
		keeper->job = guest->decision;
		keeper->has_job = true;
		return;
	}
	guest->memory.stage = SCALE_NONE;
	guest->memory.state = SCALE_STEADY;
}

static void remember(struct scaler *scaler)
{
	size_t i;

	for (i = 0; i < scaler->count; i++)
		if (!scaler->keepers[i]->has_job)
			scaler->before[i] = scaler->guests[i].memory;
}

static void follow_up(struct scaler *scaler, uint64_t now)
{
	size_t i;

	for (i = 0; i < scaler->count; i++) {
		struct keeper *keeper = scaler->keepers[i];
		struct scale_guest *guest = keeper->guest;

		guest->facts.pressed = 0;
		/* Whose thread has ended stays as it was left. */
		if (!keeper->runs && keeper->decided)
			guest->memory = scaler->before[i];
		if (!keeper->runs || !keeper->measured)
			continue;
		keeper->decided = true;
		log_decision(keeper, guest);
		record(keeper, guest, now);
		hand_out(keeper, guest);
	}
	store(scaler);
}

/* What a guest has counts before any other is given more: all are measured first. */
static bool all_measured(const struct scaler *scaler)
{
	size_t i;

	for (i = 0; i < scaler->count; i++)
		if (scaler->keepers[i]->runs && !scaler->keepers[i]->measured)
			return false;
	return true;
}

uint64_t autoscale_decide(struct keeper *keeper, const struct scale_facts *facts)
{
	struct scaler *scaler = keeper->scaler;
	enum scale_change change;
	struct scale_host host;
	uint64_t now, next;

	host.available = connection_free_memory(scaler->virt->connection,
						virt_answer_until(scaler->virt));
	pthread_mutex_lock(&scaler->mutex);
	take_host_rules(scaler, &host);
	change = keeper->guest->facts.change;
	keeper->guest->facts = *facts;
	keeper->guest->facts.change = change;
	/* Not before the host's account has it: another guest would be given the same memory. */
	if (keeper->result != SCALE_PENDING && facts->presence == SCALE_PRESENT) {
		keeper->guest->facts.change = keeper->result;
		keeper->result = SCALE_PENDING;
	}
	keeper->measured = true;
	now = autoscale_now_usec(scaler);
	next = now + UNMEASURED_USEC;
	if (all_measured(scaler)) {
		remember(scaler);
		scale_decide(&host, scaler->guests, scaler->count, now);
		follow_up(scaler, now);
		autoscale_add_sample(keeper, now);
		next = keeper->guest->decision.next_usec;
	}
	/* No event tells that it may be asked again. */
	if (keeper->guest->memory.hold_grow_usec > now &&
	    next > keeper->guest->memory.hold_grow_usec)
		next = keeper->guest->memory.hold_grow_usec;
	pthread_mutex_unlock(&scaler->mutex);
	return next;
}

/* Nobody knows what it has from now on: it counts no more, until it is measured again. */
static void forget_guest(struct keeper *keeper, enum scale_reason reason)
{
	struct scale_guest *guest = keeper->guest;

	guest->facts.given = guest->facts.confirmed = 0;
	guest->memory.stage = SCALE_NONE;
	guest->memory.state = SCALE_AWAY;
	guest->memory.reason = reason;
	keeper->record.given = keeper->record.confirmed = 0;
	keeper->logged_state = SCALE_AWAY;
}

void autoscale_leave(struct keeper *keeper, bool gone)
{
	struct scaler *scaler = keeper->scaler;
	struct scale_guest *guest = keeper->guest;

	pthread_mutex_lock(&scaler->mutex);
	/* Nothing was begun of it. */
	if (keeper->has_job)
		guest->memory = scaler->before[guest - scaler->guests];
	keeper->runs = keeper->has_job = keeper->measured = false;
	guest->facts.presence = SCALE_IS_SILENT;
	if (gone)
		virt_say(&keeper->virt, "domain %s: it no longer runs",
			 keeper->record.name);
	if (gone || keeper->dismissed)
		forget_guest(keeper, gone ? SCALE_BY_SHUTTING_DOWN : SCALE_BY_SILENT);
	store(scaler);
	if (gone)
		autoscale_add_sample(keeper, autoscale_now_usec(scaler));
	pthread_mutex_unlock(&scaler->mutex);
}
