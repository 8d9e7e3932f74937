/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "autoscale.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/client.h"

#define USEC_PER_MSEC 1000
#define LOOK_MSEC 1000 /* how soon a signal is heeded */
#define LIST_MSEC 60000 /* in case that an event was lost */
#define REOPEN_MSEC 10000
#define END_MSEC 2000 /* for keepers to say that they have ended */

static volatile sig_atomic_t wants_end, wants_reload;

static void on_signal(int number)
{
	if (number == SIGHUP)
		wants_reload = 1;
	else
		wants_end = 1;
}

static uint64_t realtime_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- all of them, with the mutex */

static struct keeper *find_keeper(struct scaler *scaler, const char *uuid)
{
	size_t i;

	for (i = 0; i < scaler->count; i++)
		if (strcmp(scaler->keepers[i]->record.uuid, uuid) == 0)
			return scaler->keepers[i];
	return NULL;
}

/* Where all are taken: that of the domain that has been away for the longest time; NULL: none. */
static struct keeper **find_place(struct scaler *scaler)
{
	struct keeper **oldest = NULL;
	size_t i;

	if (scaler->count < AUTOSCALE_DOMAINS_MAX)
		return &scaler->keepers[scaler->count++];
	for (i = 0; i < scaler->count; i++) {
		struct keeper **place = &scaler->keepers[i];

		if (!(*place)->runs &&
		    (!oldest || (*place)->record.time_usec < (*oldest)->record.time_usec))
			oldest = place;
	}
	return oldest;
}

static struct keeper *add_keeper(struct scaler *scaler, const char *uuid)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	struct keeper **place = keeper ? find_place(scaler) : NULL;

	if (!place) {
		free(keeper);
		return NULL;
	}
	free(*place); /* its thread has ended */
	*place = keeper;
	keeper->scaler = scaler;
	keeper->guest = &scaler->guests[place - scaler->keepers];
	keeper->logged_state = SCALE_STATES;
	snprintf(keeper->record.uuid, sizeof(keeper->record.uuid), "%s", uuid);
	memset(keeper->guest, 0, sizeof(*keeper->guest));
	scale_memory_init(&keeper->guest->memory);
	scale_rules_defaults(&keeper->guest->rules);
	stats_init(&keeper->guest->facts.stats);
	keeper->guest->facts.presence = SCALE_IS_SILENT;
	return keeper;
}

static void start_keeper(struct scaler *scaler, const char *name, const char *uuid,
			 const struct scale_choice *choice)
{
	struct keeper *keeper = find_keeper(scaler, uuid);

	if (!keeper)
		keeper = add_keeper(scaler, uuid);
	if (!keeper) {
		virt_say(scaler->virt, "domain %s: one too many, or out of memory", name);
		return;
	}
	keeper->choice = *choice;
	keeper->dismissed = false;
	if (keeper->runs)
		return;
	snprintf(keeper->record.name, sizeof(keeper->record.name), "%s", name);
	keeper->decided = false;
	keeper->virt = *scaler->virt;
	keeper->virt.options.model = choice->model;
	keeper->runs = call_start_thread(autoscale_keep, keeper) == 0;
}

/* Whether this domain was asked for, and a rule is about it. */
static bool is_chosen(const struct scaler *scaler, const char *name, const char *uuid,
		      struct scale_choice *choice)
{
	return virt_is_named(scaler->virt, name, uuid) &&
	       scale_config_find(&scaler->config, name, choice);
}

static void begin(const char *name, const char *uuid, void *data)
{
	struct scaler *scaler = data;
	struct scale_choice choice;

	pthread_mutex_lock(&scaler->mutex);
	if (is_chosen(scaler, name, uuid, &choice))
		start_keeper(scaler, name, uuid, &choice);
	pthread_mutex_unlock(&scaler->mutex);
}

static int begin_all(struct scaler *scaler)
{
	return virt_each_domain(scaler->virt, begin, scaler);
}

/* --- the start */

/* As long as libvirtd is away, a service waits for it. */
static int open_connection(struct scaler *scaler)
{
	struct virt *virt = scaler->virt;
	struct call_error error;
	bool said = false;
	int r;

	for (;;) {
		memset(&error, 0, sizeof(error));
		r = connection_open(virt->options.uri, false, virt_answer_until(virt),
				    &virt->connection, &error);
		if (r == 0 || (r != -ECOMM && r != -ETIMEDOUT) || virt->options.once ||
		    wants_end)
			break;
		if (!said)
			virt_fail_host(virt, "connect to libvirt", r, &error);
		said = true;
		usleep(LOOK_MSEC * USEC_PER_MSEC);
	}
	return r == 0 ? 0 : virt_fail_host(virt, "connect to libvirt", r, &error);
}

static void take_record(const struct scale_record *record, void *data)
{
	struct scaler *scaler = data;
	struct keeper *keeper = find_keeper(scaler, record->uuid);
	uint64_t monotonic_usec = client_now_msec() * USEC_PER_MSEC;

	if (!keeper)
		keeper = add_keeper(scaler, record->uuid);
	if (!keeper)
		return;
	keeper->record = *record;
	keeper->guest->memory = record->memory;
	/* Though the clock was set back meanwhile. */
	if (record->time_usec < INT64_MAX &&
	    record->time_usec > scaler->epoch_usec + monotonic_usec)
		scaler->epoch_usec = record->time_usec - monotonic_usec;
}

static int open_state(struct scaler *scaler)
{
	struct virt *virt = scaler->virt;
	const char *file = virt->options.state ? virt->options.state : AUTOSCALE_STATE;
	int r;

	if (virt->options.dry_run)
		return 0;
	r = autoscale_lock_state(file);
	if (r == -EWOULDBLOCK)
		return virt_fail(virt, VIRT_FAILED, "%s: another autoscale is at work",
				 file);
	if (r == 0)
		r = autoscale_read_state(file, take_record, scaler);
	if (r < 0)
		return virt_fail(virt, VIRT_FAILED, "%s: %s", file, strerror(-r));
	if (r > 0)
		virt_say(virt, "%s: lines that are damaged: %d, ignoring them", file, r);
	scaler->state = file;
	autoscale_open_samples(scaler);
	return 0;
}

static const char *config_file(const struct virt *virt)
{
	return virt->options.config ? virt->options.config : AUTOSCALE_CONFIG;
}

static int load_config(struct scaler *scaler)
{
	char error[SCALE_CONFIG_ERROR_SIZE];

	if (autoscale_load_config(config_file(scaler->virt), &scaler->config, error) < 0)
		return virt_fail(scaler->virt, VIRT_USAGE, "%s", error);
	return 0;
}

/* --- the service */

/* With the mutex. */
static void dismiss_others(struct scaler *scaler)
{
	struct scale_choice choice;
	size_t i;

	for (i = 0; i < scaler->count; i++) {
		struct keeper *keeper = scaler->keepers[i];

		keeper->dismissed = !is_chosen(scaler, keeper->record.name,
					       keeper->record.uuid, &choice);
	}
}

/* What is wrong changes nothing. */
static void reload(struct scaler *scaler)
{
	char error[SCALE_CONFIG_ERROR_SIZE];
	struct scale_config *config = malloc(sizeof(*config));

	wants_reload = 0;
	if (!config) {
		virt_say(scaler->virt, "out of memory, the configuration stays");
		return;
	}
	if (autoscale_load_config(config_file(scaler->virt), config, error) < 0) {
		virt_say(scaler->virt, "%s, the configuration stays", error);
	} else {
		pthread_mutex_lock(&scaler->mutex);
		scaler->config = *config;
		dismiss_others(scaler);
		pthread_mutex_unlock(&scaler->mutex);
		begin_all(scaler);
		virt_say(scaler->virt, "the configuration was read again");
	}
	free(config);
}

static void take_event(struct scaler *scaler, const struct host_event *event)
{
	struct virt *virt = scaler->virt;
	struct call_error error;

	switch (event->kind) {
	case HOST_STARTED:
		begin(event->name, event->uuid, scaler);
		break;
	case HOST_MISSED:
		begin_all(scaler);
		break;
	case HOST_LOST:
		virt_say(virt, "the connection to libvirt is lost");
		while (!wants_end &&
		       connection_reopen(virt->connection,
					 client_now_msec() + REOPEN_MSEC, &error) < 0)
			usleep(LOOK_MSEC * USEC_PER_MSEC);
		virt_say(virt, "connected to libvirt again");
		begin_all(scaler);
		break;
	default:
		break;
	}
}

static size_t count_running(struct scaler *scaler)
{
	size_t running = 0, i;

	pthread_mutex_lock(&scaler->mutex);
	for (i = 0; i < scaler->count; i++)
		running += scaler->keepers[i]->runs;
	pthread_mutex_unlock(&scaler->mutex);
	return running;
}

static void serve(struct scaler *scaler)
{
	struct virt *virt = scaler->virt;
	uint64_t list_msec = client_now_msec() + LIST_MSEC;
	struct host_event event;

	while (!wants_end && !(virt->options.once && count_running(scaler) == 0)) {
		if (connection_next(virt->connection, client_now_msec() + LOOK_MSEC,
				    &event) == 0)
			take_event(scaler, &event);
		if (wants_reload)
			reload(scaler);
		if (client_now_msec() < list_msec)
			continue;
		begin_all(scaler);
		list_msec = client_now_msec() + LIST_MSEC;
	}
}

/* A change in flight goes on in libvirt; the next autoscale finds out about it. */
static void end(struct scaler *scaler)
{
	uint64_t until = client_now_msec() + END_MSEC;

	pthread_mutex_lock(&scaler->mutex);
	scaler->ends = true;
	pthread_mutex_unlock(&scaler->mutex);
	while (count_running(scaler) > 0 && client_now_msec() < until)
		usleep(END_MSEC / 20 * USEC_PER_MSEC);
}

static int start(struct scaler *scaler)
{
	int r = load_config(scaler);

	if (r == 0)
		r = open_state(scaler);
	if (r == 0)
		r = open_connection(scaler);
	if (r != 0)
		return r;
	scaler->host_bytes = connection_all_memory(scaler->virt->connection,
						   virt_answer_until(scaler->virt));
	return begin_all(scaler);
}

int virt_autoscale(struct virt *virt)
{
	static struct scaler scaler;
	int r;

	if (virt->options.status)
		return autoscale_status(virt, virt->options.state ? virt->options.state
								  : AUTOSCALE_STATE);
	scaler.virt = virt;
	scaler.epoch_usec = realtime_usec() - client_now_msec() * USEC_PER_MSEC;
	if (pthread_mutex_init(&scaler.mutex, NULL) != 0)
		return virt_fail(virt, VIRT_FAILED, "out of memory");
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	r = start(&scaler);
	if (r != 0)
		return r;
	serve(&scaler);
	end(&scaler);
	return VIRT_DONE;
}
