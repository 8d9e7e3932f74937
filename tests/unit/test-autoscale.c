/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/client.h"
#include "virt/autoscale.h"
#include "virt/fleet.h"
#include "virt/monitor.h"
#include "virt/survey.h"
#include "wire/field.h"

/*
 * One domain with a virtio-mem device, or with DIMMs, its libvirt, its guest and the clock, in
 * place of the files of virt/ that speak to them.
 */

#define MIB (1ull << 20)
#define GIB (1ull << 30)
#define SECOND 1000000ull
#define UUID "8f8cf7a5-7a6c-4f9e-8c1f-0d6a3b1c2d3e"
#define DIMM (256 * MIB)
#define DIMMS_MAX 64

enum mood { HONEST, LIAR, KEEPS_OFFLINE };

static struct {
	uint64_t now_msec;
	/* the host */
	bool is_gone; /* the domain */
	bool is_cut; /* libvirt does not answer */
	bool refuses;
	bool is_late; /* a change is done, and its call is not answered */
	bool is_lost; /* … not done, either */
	enum host_activity activity;
	unsigned changes; /* calls that would change something */
	/* the domain */
	bool has_vmem;
	uint64_t requested;
	bool dimms[DIMMS_MAX]; /* by the number in their alias; DIMM bytes each */
	uint64_t most; /* that was ever given */
	/* the guest */
	enum mood mood;
	bool is_silent;
	bool floods; /* with events */
	unsigned asked; /* for its numbers */
	uint64_t used;
} world;

static struct protocol_reader *reader;
static struct protocol_answer answer;
static struct text said = TEXT_INIT;

static unsigned dimm_count(void)
{
	unsigned count = 0, i;

	for (i = 0; i < DIMMS_MAX; i++)
		count += world.dimms[i];
	return count;
}

static uint64_t given(void)
{
	return GIB + world.requested + DIMM * dimm_count();
}

/* --- io/client, virt/connection */

uint64_t client_now_msec(void)
{
	return world.now_msec;
}

static void wait_until(uint64_t deadline_msec)
{
	if (deadline_msec > world.now_msec)
		world.now_msec = deadline_msec;
}

bool connection_is_lost(struct connection *connection)
{
	(void)connection;
	return false;
}

unsigned connection_generation(struct connection *connection)
{
	(void)connection;
	return 1;
}

int connection_reopen(struct connection *connection, uint64_t deadline_msec,
		      struct call_error *error)
{
	(void)connection;
	(void)deadline_msec;
	(void)error;
	return 0;
}

int connection_lookup(struct connection *connection, const char *name,
		      uint64_t deadline_msec, virDomainPtr *domain,
		      struct call_error *error)
{
	(void)connection;
	(void)deadline_msec;
	(void)error;
	assert_string_equal(name, UUID);
	*domain = NULL;
	return 0;
}

uint64_t connection_free_memory(struct connection *connection, uint64_t deadline_msec)
{
	(void)connection;
	(void)deadline_msec;
	return 64 * GIB;
}

int connection_next(struct connection *connection, uint64_t deadline_msec,
		    struct host_event *event)
{
	(void)connection;
	(void)event;
	wait_until(deadline_msec);
	return -ETIMEDOUT;
}

int connection_queue_next(struct connection_queue *queue, uint64_t deadline_msec,
			  struct host_event *event)
{
	(void)queue;
	return connection_next(NULL, deadline_msec, event);
}

int connection_follow(struct connection *connection, const char *uuid,
		      struct connection_queue **queue)
{
	(void)connection;
	(void)uuid;
	(void)queue;
	return -ENOMEM;
}

void connection_unfollow(struct connection_queue *queue)
{
	(void)queue;
}

/* --- libvirt, virt/host */

const char *virDomainGetName(virDomainPtr domain)
{
	(void)domain;
	return "guest";
}

int virDomainFree(virDomainPtr domain)
{
	(void)domain;
	return 0;
}

static void put_xml(struct text *xml)
{
	uint64_t all = GIB + (world.has_vmem ? 7 * GIB : 0) + DIMM * dimm_count();
	unsigned i;

	text_printf(xml,
		    "<domain type='qemu' id='1'><name>guest</name><uuid>" UUID "</uuid>"
		    "<memory unit='b'>%" PRIu64
		    "</memory><currentMemory unit='b'>%" PRIu64
		    "</currentMemory><maxMemory slots='32' unit='GiB'>64</maxMemory>"
		    "<cpu><numa><cell id='0' memory='1048576' unit='KiB'/></numa></cpu>"
		    "<devices>",
		    all, given());
	if (world.has_vmem)
		text_printf(
			xml,
			"<memory model='virtio-mem'><target><size unit='GiB'>7</size>"
			"<node>0</node><block unit='MiB'>2</block><requested unit='b'>"
			"%" PRIu64 "</requested><current unit='b'>%" PRIu64 "</current>"
			"</target><alias name='ua-vm'/><address type='pci' slot='0x05'/>"
			"</memory>",
			world.requested, world.requested);
	for (i = 0; i < DIMMS_MAX; i++)
		if (world.dimms[i])
			text_printf(xml,
				    "<memory model='dimm'><target><size unit='MiB'>256"
				    "</size><node>0</node></target><alias "
				    "name='ua-memonline-%u'/><address type='dimm' "
				    "slot='%u' base='0x%" PRIx64 "'/></memory>",
				    i, i, (uint64_t)(4 * GIB + i * DIMM));
	text_puts(xml, "<channel type='unix'><target type='virtio' "
		       "name='org.memonline.agent.0' state='connected'/></channel>"
		       "</devices></domain>");
}

static int no_answer(struct call_error *error)
{
	if (world.is_cut)
		return -ETIMEDOUT;
	if (!world.is_gone)
		return 0;
	error->code = VIR_ERR_NO_DOMAIN;
	return -ECOMM;
}

int host_xml(virDomainPtr domain, unsigned flags, uint64_t deadline_msec, char **xml,
	     struct call_error *error)
{
	struct text text = TEXT_INIT;
	int r = no_answer(error);

	(void)domain;
	(void)flags;
	(void)deadline_msec;
	if (r < 0)
		return r;
	put_xml(&text);
	assert_false(text.failed);
	*xml = text.data;
	return 0;
}

int host_state(virDomainPtr domain, uint64_t deadline_msec, int *state, bool *persistent,
	       struct call_error *error)
{
	(void)domain;
	(void)deadline_msec;
	*state = VIR_DOMAIN_RUNNING;
	*persistent = false;
	return no_answer(error);
}

int host_activity(virDomainPtr domain, uint64_t deadline_msec,
		  enum host_activity *activity, struct call_error *error)
{
	(void)domain;
	(void)deadline_msec;
	*activity = world.activity;
	return no_answer(error);
}

/* Whether it is to be done; *r is what the call returns. */
static bool begin_change(struct call_error *error, int *r)
{
	world.changes++;
	*r = no_answer(error);
	if (*r < 0)
		return false;
	if (world.refuses) {
		error->code = VIR_ERR_INTERNAL_ERROR;
		snprintf(error->message, sizeof(error->message), "no");
		*r = -ECOMM;
		return false;
	}
	if (world.is_late || world.is_lost)
		*r = -ETIMEDOUT;
	return !world.is_lost;
}

static uint64_t number_after(const char *text, const char *words)
{
	const char *found = strstr(text, words);

	assert_non_null(found);
	return strtoull(found + strlen(words), NULL, 10);
}

static void note(void)
{
	if (given() > world.most)
		world.most = given();
}

int host_attach(virDomainPtr domain, const char *xml, unsigned flags,
		uint64_t deadline_msec, struct call_error *error)
{
	uint64_t number;
	int r;

	(void)domain;
	(void)flags;
	(void)deadline_msec;
	number = number_after(xml, "ua-memonline-");
	assert_true(number < DIMMS_MAX);
	if (begin_change(error, &r))
		world.dimms[number] = true;
	note();
	return r;
}

int host_update(virDomainPtr domain, const char *xml, unsigned flags,
		uint64_t deadline_msec, struct call_error *error)
{
	uint64_t kib;
	int r;

	(void)domain;
	(void)flags;
	(void)deadline_msec;
	kib = number_after(xml, "<requested unit=\"KiB\">");
	if (begin_change(error, &r))
		world.requested = kib * 1024;
	note();
	return r;
}

int monitor_ask(virDomainPtr pointer, struct domain *domain, uint64_t deadline_msec,
		struct call_error *error)
{
	(void)pointer;
	(void)domain;
	(void)deadline_msec;
	(void)error;
	fail(); /* no verb but with --monitor */
	return 0;
}

int host_detach(virDomainPtr domain, const char *alias, unsigned flags,
		uint64_t deadline_msec, struct call_error *error)
{
	uint64_t number;
	int r;

	(void)domain;
	(void)flags;
	(void)deadline_msec;
	number = number_after(alias, "ua-memonline-");
	assert_true(number < DIMMS_MAX);
	if (begin_change(error, &r))
		world.dimms[number] = false;
	return r;
}

/* --- virt/guest, virt/survey, virt/fleet */

int guest_open(struct connection *connection, virDomainPtr pointer,
	       const struct domain *domain, bool force, uint64_t deadline_msec,
	       struct guest **guest, struct guest_fault *fault)
{
	(void)connection;
	(void)pointer;
	(void)domain;
	(void)force;
	(void)deadline_msec;
	memset(fault, 0, sizeof(*fault));
	fault->error = world.is_silent ? -ETIMEDOUT : 0;
	*guest = world.is_silent ? NULL : (struct guest *)&world;
	return fault->error;
}

void guest_close(struct guest *guest)
{
	(void)guest;
}

bool guest_has_events(const struct guest *guest)
{
	(void)guest;
	return true;
}

const struct guest_fault *guest_fault(const struct guest *guest)
{
	static const struct guest_fault fault = { -ETIMEDOUT, "" };

	(void)guest;
	return &fault;
}

const char *guest_state_text(int error)
{
	return error ? "no-answer" : "answers";
}

void guest_explain(struct text *out, const struct guest_fault *fault)
{
	(void)fault;
	text_puts(out, "no answer");
}

const char *fleet_verdict_text(enum capacity_verdict verdict)
{
	(void)verdict;
	return "";
}

struct protocol_answer *guest_answer(struct guest *guest)
{
	(void)guest;
	return &answer;
}

/* What the guest says, as `answer`. */
static int say(void)
{
	const char *bytes = said.data;
	size_t len = said.len;

	assert_false(said.failed);
	return protocol_reader_feed(reader, &bytes, &len, &answer);
}

int guest_next_event(struct guest *guest, uint64_t deadline_msec)
{
	(void)guest;
	if (world.floods) {
		text_clear(&said);
		text_puts(&said, "{\"event\": \"MEMONLINE_REPORT\", \"data\": {}}\n");
		return say();
	}
	wait_until(deadline_msec);
	return -ETIMEDOUT;
}

static uint64_t online(void)
{
	return world.mood == KEEPS_OFFLINE ? GIB : given();
}

static void fill_stats(struct stats *stats)
{
	stats_init(stats);
	stats->total = online();
	stats->available = online() > world.used ? online() - world.used : 0;
	if (world.mood == LIAR)
		stats->available = 0;
	stats->free = stats->available;
	stats->kernel.total = GIB;
	stats->kernel.free = 256 * MIB;
	stats->movable.total = online() - GIB;
	stats->oom_kills = 0;
}

int guest_request(struct guest *guest, const struct protocol_request *request,
		  protocol_element_fn on_element, void *data, uint64_t deadline_msec)
{
	struct stats stats;

	(void)guest;
	(void)deadline_msec;
	if (world.is_silent)
		return -ETIMEDOUT;
	text_clear(&said);
	text_puts(&said, "{\"return\": ");
	if (request->command == PROTOCOL_STATS) {
		world.asked++;
		fill_stats(&stats);
		field_put(&said, &message_stats, &stats);
	} else {
		text_puts(&said, "{\"result\": \"done\", \"blocks\": []}");
	}
	text_puts(&said, "}\n");
	protocol_reader_watch(reader, on_element, data);
	return say();
}

/* It says of each device that all of it is online, or nothing. */
int survey(struct guest *guest, struct domain *domain, uint64_t deadline_msec)
{
	struct capacity *capacity = &domain->capacity;
	struct stats stats;
	size_t i;

	(void)guest;
	(void)deadline_msec;
	if (world.is_silent)
		return -ETIMEDOUT;
	capacity->block = 128 * MIB;
	fill_stats(&stats);
	capacity->guest_free = stats.available; /* as real ones do, of a full guest: 0 */
	for (i = 0; i < capacity->count; i++) {
		struct capacity_device *device = &capacity->devices[i];
		bool is_online = world.mood != KEEPS_OFFLINE || !device->current;

		device->verdict = is_online ? CAPACITY_COMPLETE : CAPACITY_ABSENT;
		device->online = is_online ? device->current : 0;
		device->removable = CAPACITY_REMOVABLE_YES;
	}
	return 0;
}

/* --- the scaler */

static char state_path[64];
static struct virt virt;

static struct scaler *new_scaler(void)
{
	struct scaler *scaler = test_alloc(sizeof(*scaler));

	virt.options.answer_sec = 5;
	virt.options.timeout_sec = 60;
	virt.options.node = -1;
	scale_config_defaults(&scaler->config);
	scaler->virt = &virt;
	scaler->host_bytes = 64 * GIB;
	scaler->state = state_path;
	scaler->epoch_usec = 1000000 * SECOND;
	pthread_mutex_init(&scaler->mutex, NULL);
	return scaler;
}

static void take_memory(const struct scale_record *record, void *data)
{
	struct keeper *keeper = data;

	keeper->record = *record;
	keeper->guest->memory = record->memory;
}

/* As one that was begun after the last, which had been killed. */
static struct keeper *new_keeper(void)
{
	struct scaler *scaler = new_scaler();
	struct keeper *keeper = test_alloc(sizeof(*keeper));

	keeper->scaler = scaler;
	keeper->virt = virt;
	keeper->guest = &scaler->guests[0];
	scale_rules_defaults(&keeper->choice.rules);
	keeper->choice.rules.min = 0;
	keeper->choice.rules.max = 4 * GIB;
	keeper->choice.model = world.has_vmem ? CAPACITY_VIRTIO_MEM : CAPACITY_DIMM;
	scale_memory_init(&keeper->guest->memory);
	scale_rules_defaults(&keeper->guest->rules);
	snprintf(keeper->record.uuid, sizeof(keeper->record.uuid), "%s", UUID);
	snprintf(keeper->record.name, sizeof(keeper->record.name), "guest");
	keeper->runs = true;
	scaler->keepers[0] = keeper;
	scaler->count = 1;
	assert_int_equal(autoscale_read_state(state_path, take_memory, keeper), 0);
	assert_int_equal(autoscale_open(keeper), 0);
	return keeper;
}

static void free_keeper(struct keeper *keeper)
{
	target_close(&keeper->target);
	free(keeper->scaler);
	free(keeper);
}

static void run_for(struct keeper *keeper, uint64_t seconds)
{
	uint64_t end = world.now_msec + seconds * 1000, until = 0;

	while (world.now_msec < end) {
		enum autoscale_next next = autoscale_round(keeper, &until);

		assert_int_not_equal(next, AUTOSCALE_GONE);
		world.now_msec += 10;
		if (next == AUTOSCALE_WAIT)
			autoscale_wait(keeper, until);
	}
}

/* Until the change is decided and not begun; what is stored is all that outlives this. */
static void run_until_asked(struct keeper *keeper)
{
	struct scale_facts facts;
	unsigned rounds = 100;

	do {
		assert_true(--rounds > 0);
		world.now_msec += 1000;
		assert_true(autoscale_measure(keeper, &facts));
		autoscale_decide(keeper, &facts);
	} while (!keeper->has_job);
}

static int set_up(void **state)
{
	int fd;

	(void)state;
	memset(&world, 0, sizeof(world));
	world.now_msec = 1000000;
	world.used = 980 * MIB;
	world.has_vmem = true;
	snprintf(state_path, sizeof(state_path), "/tmp/memonline-XXXXXX");
	fd = mkstemp(state_path);
	if (fd < 0)
		return -1;
	close(fd);
	unlink(state_path);
	reader = protocol_reader_new();
	if (!reader)
		return -1;
	protocol_reader_bound(reader, PROTOCOL_BOUNDS_ANSWER);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	protocol_reader_free(reader);
	text_free(&said);
	unlink(state_path);
	return 0;
}

/* --- tests */

static void grows_and_shrinks(void **state)
{
	struct keeper *keeper = new_keeper();

	(void)state;
	for (; world.used < 3 * GIB; world.used += 64 * MIB) {
		run_for(keeper, 10);
		assert_true(given() > world.used);
	}
	assert_true(given() <= 4 * GIB);
	world.used = 300 * MIB;
	run_for(keeper, 3600);
	assert_int_equal(given(), GIB);
	free_keeper(keeper);
}

static void by_dimms_too(void **state)
{
	world.has_vmem = false;
	grows_and_shrinks(state);
}

static void liar_costs_its_own_maximum(void **state)
{
	struct keeper *keeper = new_keeper();

	(void)state;
	world.mood = LIAR;
	run_for(keeper, 3600);
	assert_int_equal(world.most, 4 * GIB);
	assert_int_equal(keeper->guest->decision.reason, SCALE_BY_AT_MAXIMUM);
	free_keeper(keeper);
}

static void takes_out_what_stays_offline(void **state)
{
	struct keeper *keeper = new_keeper();
	unsigned changes, seconds;

	(void)state;
	world.mood = KEEPS_OFFLINE;
	for (seconds = 0; keeper->guest->memory.state != SCALE_STUCK; seconds++) {
		assert_true(seconds < 3600);
		run_for(keeper, 1);
	}
	/* Each growth was taken out before the next. */
	assert_true(world.most <= GIB + GIB / 2);
	assert_int_equal(keeper->guest->memory.stage, SCALE_NONE);
	assert_int_equal(given(), GIB);
	changes = world.changes;
	run_for(keeper, 1200);
	assert_int_equal(world.changes, changes);
	free_keeper(keeper);
}

static void takes_out_dimms_that_stay_offline(void **state)
{
	world.has_vmem = false;
	takes_out_what_stays_offline(state);
}

static void leaves_a_refused_guest_alone(void **state)
{
	struct keeper *keeper = new_keeper();

	(void)state;
	world.refuses = true;
	run_for(keeper, 1500);
	assert_true(world.changes >= 2 && world.changes <= 10);
	assert_int_equal(keeper->guest->memory.state, SCALE_STUCK);
	world.refuses = false;
	run_for(keeper, 3600);
	assert_true(given() > GIB);
	free_keeper(keeper);
}

static void changes_nothing_without_libvirt(void **state)
{
	struct keeper *keeper = new_keeper();

	(void)state;
	run_for(keeper, 1);
	world.is_cut = true;
	world.used = 3 * GIB;
	run_for(keeper, 600);
	assert_int_equal(keeper->guest->memory.state, SCALE_AWAY);
	world.is_cut = false;
	run_for(keeper, 600);
	assert_true(given() > 3 * GIB);
	free_keeper(keeper);
}

static void changes_nothing_while_it_is_away(void **state)
{
	static const enum host_activity activities[] = { HOST_IS_PAUSED, HOST_MIGRATES,
							 HOST_IS_COPIED, HOST_LEAVES };
	struct keeper *keeper = new_keeper();
	size_t i;

	(void)state;
	world.used = 3 * GIB;
	for (i = 0; i < sizeof(activities) / sizeof(activities[0]); i++) {
		world.activity = activities[i];
		run_for(keeper, 60);
		assert_int_equal(keeper->guest->memory.state, SCALE_AWAY);
	}
	world.activity = HOST_RUNS;
	world.is_silent = true;
	run_for(keeper, 60);
	assert_int_equal(world.changes, 0);
	world.is_silent = false;
	run_for(keeper, 600);
	assert_true(given() > 3 * GIB);
	free_keeper(keeper);
}

/* The next autoscale has the state file, and what the host has given. */
static void killed_before_the_call(void **state)
{
	struct keeper *keeper = new_keeper();

	(void)state;
	run_until_asked(keeper);
	assert_int_equal(world.changes, 0);
	free_keeper(keeper);
	keeper = new_keeper();
	assert_int_equal(keeper->guest->memory.stage, SCALE_ASKED);
	run_for(keeper, 30);
	assert_int_equal(world.changes, 0); /* libvirt may still be at it */
	run_for(keeper, 120);
	assert_true(given() > GIB);
	free_keeper(keeper);
}

static void killed_after_the_call(void **state)
{
	struct keeper *keeper = new_keeper();
	uint64_t bytes;

	(void)state;
	run_until_asked(keeper);
	bytes = keeper->job.bytes;
	free_keeper(keeper);
	world.requested += bytes;
	keeper = new_keeper();
	run_for(keeper, 1);
	run_for(keeper, 60);
	assert_int_equal(given(), GIB + bytes);
	assert_int_equal(world.changes, 0);
	assert_int_equal(keeper->guest->memory.stage, SCALE_NONE);
	free_keeper(keeper);
}

static void unanswered_is_not_done_twice(void **state)
{
	struct keeper *keeper = new_keeper();

	(void)state;
	world.is_late = true;
	run_for(keeper, 1);
	world.is_late = false;
	run_for(keeper, 30);
	assert_int_equal(world.changes, 1);
	assert_int_equal(keeper->guest->memory.stage, SCALE_NONE);
	assert_true(given() > GIB);
	free_keeper(keeper);
}

static void unanswered_and_not_done_is_asked_again(void **state)
{
	struct keeper *keeper = new_keeper();

	(void)state;
	world.is_lost = true;
	run_for(keeper, 1);
	world.is_lost = false;
	run_for(keeper, 30);
	assert_int_equal(world.changes, 1);
	assert_int_equal(given(), GIB);
	run_for(keeper, 60);
	assert_true(given() > GIB);
	free_keeper(keeper);
}

static void destroyed_in_the_middle(void **state)
{
	struct keeper *keeper = new_keeper();
	uint64_t until;

	(void)state;
	run_until_asked(keeper);
	world.is_gone = true;
	assert_int_equal(autoscale_round(keeper, &until), AUTOSCALE_GONE);
	autoscale_leave(keeper, true);
	assert_int_equal(keeper->guest->memory.stage, SCALE_NONE);
	assert_int_equal(keeper->guest->facts.given, 0);
	assert_false(keeper->has_job);
	free_keeper(keeper);
}

/* One more guest, whose thread is at work, on a host that has so much for all. */
static struct keeper *add_other(struct scaler *scaler, uint64_t capacity)
{
	struct keeper *other = test_alloc(sizeof(*other));

	memset(&scaler->config.reserve_soft, 0, sizeof(scaler->config.reserve_soft));
	memset(&scaler->config.reserve_hard, 0, sizeof(scaler->config.reserve_hard));
	memset(&scaler->config.capacity, 0, sizeof(scaler->config.capacity));
	scaler->config.capacity.bytes = capacity;
	other->scaler = scaler;
	other->virt = virt;
	other->guest = &scaler->guests[scaler->count];
	other->runs = true;
	scale_memory_init(&other->guest->memory);
	scale_rules_defaults(&other->guest->rules);
	other->guest->rules.max = 4 * GIB;
	other->guest->facts.presence = SCALE_IS_SILENT;
	scaler->keepers[scaler->count++] = other;
	return other;
}

/* Its guest has 1 GiB, and nothing of it is available. */
static void fill_needy(const struct keeper *other, struct scale_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	facts->given = facts->confirmed = GIB;
	fill_stats(&facts->stats);
	facts->stats.available = 0;
	facts->sampled_usec = autoscale_now_usec(other->scaler);
}

/* What a guest has that nobody has measured yet counts as well. */
static void waits_for_what_others_have(void **state)
{
	struct keeper *keeper = new_keeper();
	struct keeper *other = add_other(keeper->scaler, 2 * GIB);

	(void)state;
	run_for(keeper, 30);
	assert_int_equal(world.changes, 0);
	other->measured = true;
	other->guest->facts.given = GIB;
	run_for(keeper, 30);
	assert_int_equal(world.changes, 0);
	assert_int_equal(keeper->guest->decision.reason, SCALE_BY_HOST_SHORT);
	other->guest->facts.given = 0;
	run_for(keeper, 30);
	assert_true(given() > GIB);
	free(other);
	free_keeper(keeper);
}

/* Nobody has measured it since, but the memory is no longer the host's. */
static void counts_what_was_just_given(void **state)
{
	struct keeper *keeper = new_keeper(), *other;
	struct scale_facts facts;
	uint64_t until;

	(void)state;
	assert_int_equal(autoscale_round(keeper, &until), AUTOSCALE_AGAIN);
	assert_int_equal(given(), GIB + 256 * MIB);
	other = add_other(keeper->scaler, 2 * GIB + 256 * MIB);
	fill_needy(other, &facts);
	autoscale_decide(other, &facts);
	assert_false(other->has_job);
	assert_int_equal(other->guest->decision.reason, SCALE_BY_HOST_SHORT);
	free(other);
	free_keeper(keeper);
}

/* Four times a second is enough of it. */
static void flood_of_events_is_bounded(void **state)
{
	struct keeper *keeper = new_keeper();

	(void)state;
	world.floods = true;
	run_for(keeper, 60);
	assert_in_range(world.asked, 60, 60 * 4);
	free_keeper(keeper);
}

/* Who has ended is counted, and no more decided about: nobody would make the change. */
static void leaves_alone_who_has_ended(void **state)
{
	struct keeper *keeper = new_keeper();
	struct keeper *other = add_other(keeper->scaler, 2 * GIB + 512 * MIB);
	struct scale_memory left;
	struct scale_facts facts;
	uint64_t until;

	(void)state;
	fill_needy(other, &facts);
	facts.stats.available = 200 * MIB; /* enough */
	autoscale_decide(other, &facts);
	assert_int_equal(autoscale_round(keeper, &until), AUTOSCALE_AGAIN);
	assert_true(other->decided);
	assert_false(other->has_job);
	left = other->guest->memory;
	autoscale_leave(other, false);
	other->guest->facts.stats.available = 0;
	run_for(keeper, 10);
	assert_memory_equal(&other->guest->memory, &left, sizeof(left));
	world.used = 3 * GIB;
	run_for(keeper, 60);
	assert_int_equal(given(), GIB + 512 * MIB);
	/* Without a rule it is none of those that the capacity is for. */
	other->dismissed = true;
	autoscale_leave(other, false);
	run_for(keeper, 60);
	assert_int_equal(given(), 2 * GIB + 512 * MIB);
	free(other);
	free_keeper(keeper);
}

static void begins_nothing_at_its_end(void **state)
{
	struct keeper *keeper = new_keeper();
	uint64_t until;

	(void)state;
	run_until_asked(keeper);
	keeper->scaler->ends = true;
	assert_int_equal(autoscale_round(keeper, &until), AUTOSCALE_WAIT);
	autoscale_leave(keeper, false);
	free_keeper(keeper);
	keeper = new_keeper();
	assert_int_equal(keeper->guest->memory.stage, SCALE_NONE);
	assert_int_equal(world.changes, 0);
	run_for(keeper, 5);
	assert_true(given() > GIB);
	free_keeper(keeper);
}

static void dry_run_changes_nothing(void **state)
{
	struct keeper *keeper = new_keeper();

	(void)state;
	keeper->virt.options.dry_run = true;
	keeper->scaler->state = NULL;
	run_for(keeper, 600);
	assert_int_equal(world.changes, 0);
	assert_int_equal(keeper->logged_action, SCALE_GROW);
	free_keeper(keeper);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(grows_and_shrinks),
		TEST(by_dimms_too),
		TEST(liar_costs_its_own_maximum),
		TEST(takes_out_what_stays_offline),
		TEST(takes_out_dimms_that_stay_offline),
		TEST(leaves_a_refused_guest_alone),
		TEST(changes_nothing_without_libvirt),
		TEST(changes_nothing_while_it_is_away),
		TEST(killed_before_the_call),
		TEST(killed_after_the_call),
		TEST(unanswered_is_not_done_twice),
		TEST(unanswered_and_not_done_is_asked_again),
		TEST(destroyed_in_the_middle),
		TEST(waits_for_what_others_have),
		TEST(counts_what_was_just_given),
		TEST(flood_of_events_is_bounded),
		TEST(leaves_alone_who_has_ended),
		TEST(begins_nothing_at_its_end),
		TEST(dry_run_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
