/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "autoscale.h"
#include "io/client.h"

#define USEC_PER_MSEC 1000
/* At the latest, where no event may come: of a guest without them, of a job that ends. */
#define POLL_USEC 5000000ull
#define LONGEST_USEC 60000000ull

uint64_t autoscale_now_usec(const struct scaler *scaler)
{
	return scaler->epoch_usec + client_now_msec() * USEC_PER_MSEC;
}

/* Who is to end begins nothing: the job stays, and autoscale_leave takes it back. */
static bool take_job(struct keeper *keeper, struct scale_decision *job)
{
	bool taken;

	pthread_mutex_lock(&keeper->scaler->mutex);
	taken = keeper->has_job && !keeper->scaler->ends && !keeper->dismissed;
	*job = keeper->job;
	keeper->has_job = keeper->has_job && !taken;
	pthread_mutex_unlock(&keeper->scaler->mutex);
	return taken;
}

/* With --once: after the first decision and the change that it began. */
static bool is_over(struct keeper *keeper)
{
	bool over;

	pthread_mutex_lock(&keeper->scaler->mutex);
	over = keeper->scaler->ends || keeper->dismissed ||
	       (keeper->virt.options.once && keeper->decided &&
		keeper->guest->memory.stage == SCALE_NONE);
	pthread_mutex_unlock(&keeper->scaler->mutex);
	return over;
}

static uint64_t bounded(const struct keeper *keeper, const struct scale_facts *facts,
			uint64_t next_usec)
{
	struct guest *guest = keeper->target.guest;
	uint64_t longest = LONGEST_USEC, now = autoscale_now_usec(keeper->scaler);

	if (facts->presence != SCALE_PRESENT || !guest || !guest_has_events(guest))
		longest = POLL_USEC;
	return next_usec < now + longest ? next_usec : now + longest;
}

/* What was in flight went with the guest that was. */
static void forget_change(struct keeper *keeper)
{
	keeper->restarted = false;
	keeper->unknown_usec = 0;
	keeper->result = SCALE_PENDING;
	pthread_mutex_lock(&keeper->scaler->mutex);
	keeper->guest->memory.stage = SCALE_NONE;
	keeper->guest->memory.state = SCALE_STEADY;
	keeper->has_job = false;
	pthread_mutex_unlock(&keeper->scaler->mutex);
}

enum autoscale_next autoscale_round(struct keeper *keeper, uint64_t *until_usec)
{
	struct scale_facts facts;
	struct scale_decision job;
	uint64_t next;

	if (!autoscale_measure(keeper, &facts))
		return AUTOSCALE_GONE;
	if (keeper->restarted)
		forget_change(keeper);
	autoscale_resolve(keeper, &facts);
	next = autoscale_decide(keeper, &facts);
	if (take_job(keeper, &job)) {
		autoscale_change(keeper, &job);
		return AUTOSCALE_AGAIN;
	}
	*until_usec = bounded(keeper, &facts, next);
	return AUTOSCALE_WAIT;
}

/* Of a program before this one. */
static void find_in_flight(struct keeper *keeper)
{
	pthread_mutex_lock(&keeper->scaler->mutex);
	keeper->guest->facts.change = SCALE_PENDING;
	if (keeper->guest->memory.stage != SCALE_NONE &&
	    keeper->guest->memory.stage != SCALE_IN_PLACE)
		keeper->unknown_usec = autoscale_now_usec(keeper->scaler);
	pthread_mutex_unlock(&keeper->scaler->mutex);
}

int autoscale_open(struct keeper *keeper)
{
	find_in_flight(keeper);
	return target_open(&keeper->virt, keeper->record.uuid, true, &keeper->target);
}

/* false: the domain has gone. */
static bool keep(struct keeper *keeper)
{
	enum autoscale_next next;
	uint64_t until;

	do {
		next = autoscale_round(keeper, &until);
		if (next == AUTOSCALE_WAIT && !is_over(keeper))
			autoscale_wait(keeper, until);
	} while (next != AUTOSCALE_GONE && !is_over(keeper));
	return next != AUTOSCALE_GONE;
}

void *autoscale_keep(void *data)
{
	struct keeper *keeper = data;
	struct connection_queue *events = NULL;
	bool gone =
		false; /* where it cannot be asked, its change in flight is not forgotten */

	if (connection_follow(keeper->virt.connection, keeper->record.uuid, &events) ==
		    0 &&
	    autoscale_open(keeper) == 0) {
		keeper->target.events = events;
		gone = !keep(keeper);
	}
	target_close(&keeper->target);
	connection_unfollow(events);
	autoscale_leave(keeper, gone);
	return NULL;
}
