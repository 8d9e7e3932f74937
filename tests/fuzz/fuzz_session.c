/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A whole conversation: sessions and the agent in front of a fake kernel, step by step as
 * the bytes say. Hosts come, ask, send garbage, stop reading and leave in a line; DIMMs
 * come, go and refuse; others write; the configuration changes; the agent is killed. Each
 * whole request has one answer, each report comes once and in order, the agent sends one
 * JSON object per line, and all comes to rest.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/fake-kernel.h"
#include "daemon/agent.h"
#include "daemon/monitor.h"
#include "daemon/session.h"
#include "io/channel.h"
#include "io/log.h"
#include "wire/json-scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BLOCKS 64
#define FIRST 32 /* of what can be plugged: at 4 GiB */
#define DIMM_BLOCKS 4
#define PEERS 3 /* the first is the port's */
#define WAITING_MAX 8192 /* bytes that a peer has sent and nobody has taken */
#define ASKED_MAX 4096 /* more than an input can ask */
#define STEPS_MAX 20000 /* to come to rest after one thing that happened */
#define INTENT_BLOCKS BLOCKS

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* --- the bytes */

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t next(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->data++;
}

/* --- io/log.h, and daemon/monitor.h as if there were no memory for one */

void log_line(enum config_log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

struct monitors {
	unsigned asked; /* for a monitor */
};
static struct monitors no_monitors;

struct monitor *monitor_add(struct monitors *monitors,
			    const struct pressure_thresholds *thresholds, monitor_fn fn,
			    void *data)
{
	monitors->asked++;
	(void)thresholds;
	(void)fn;
	(void)data;
	return NULL;
}

/* cppcheck-suppress constParameter; the header's */
void monitor_remove(struct monitor *monitor)
{
	must(!monitor);
}

bool monitor_has_trigger(const struct monitor *monitor)
{
	(void)monitor;
	return false;
}

unsigned monitor_pressed(const struct monitor *monitor)
{
	(void)monitor;
	return 0;
}

bool monitor_is_pressed(const struct monitor *monitor, enum pressure_signal signal)
{
	(void)monitor;
	(void)signal;
	return false;
}

const struct stats *monitor_stats(const struct monitor *monitor)
{
	(void)monitor;
	abort();
}

/* --- QEMU's controller: not this machine's ports */

static int ports_open(void *data)
{
	(void)data;
	return -ENODEV;
}

static const struct firmware_ports no_ports = { ports_open, NULL, NULL, NULL };

/* --- io/channel.h */

struct channel_peer {
	void *user; /* NULL: it is not there */
	char waiting[WAITING_MAX];
	size_t waiting_len;
	bool reads; /* else what it is sent stays in the queue */
	bool is_garbled; /* it has sent something that is not a request */
	bool is_closing;
	size_t queued;
	unsigned asked, answered;
	bool subscribes[ASKED_MAX]; /* each of those that it has asked */
	uint64_t seq; /* of the last report */
	char instance[36]; /* that it counts in */
};

static struct world {
	struct fake_kernel *kernel;
	struct config config;
	struct agent_edges edges;
	struct agent *agent;
	struct sessions *sessions;
	struct channel_peer peers[PEERS];
	struct json_scan *scan;
	void *remembered;
} world;

#define INSTANCE "\"instance\": \""
#define SEQ "\"seq\": "

static void take_report(struct channel_peer *peer, const char *line)
{
	const char *instance = strstr(line, INSTANCE), *at = strstr(line, SEQ);
	uint64_t seq = at ? strtoull(at + strlen(SEQ), NULL, 10) : 0;

	must(instance != NULL);
	instance += strlen(INSTANCE);
	/* Numbers count in an instance, which another peer's request may have begun. */
	if (strncmp(peer->instance, instance, sizeof(peer->instance)) != 0)
		peer->seq = 0;
	memcpy(peer->instance, instance, sizeof(peer->instance));
	must(seq > peer->seq || peer->is_garbled);
	peer->seq = seq;
}

static void take_answer(struct channel_peer *peer)
{
	must(peer->is_garbled || peer->answered < peer->asked);
	/* From there on it is reported again. */
	if (!peer->is_garbled && peer->subscribes[peer->answered])
		peer->seq = 0;
	peer->answered++;
}

static void take_line(struct channel_peer *peer, const char *line, size_t len)
{
	const char *at = line + (*line == '\xff');

	len -= (size_t)(at - line);
	line = at;
	must(json_scan_feed(world.scan, &at, &len) == JSON_SCAN_OBJECT && *at == '\n');
	if (strncmp(line, "{\"event\": \"MEMONLINE_REPORT\"", 28) == 0)
		take_report(peer, line);
	else if (strncmp(line, "{\"event\": ", 10) != 0)
		take_answer(peer);
}

int channel_send(struct channel_peer *peer, const char *bytes, size_t len)
{
	const char *end = bytes + len;

	must(peer->user != NULL && len > 0 && end[-1] == '\n');
	if (peer->is_closing)
		return -EPIPE;
	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));

		take_line(peer, bytes, (size_t)(newline + 1 - bytes));
		bytes = newline + 1;
	}
	if (!peer->reads)
		peer->queued += len;
	return 0;
}

int channel_push(struct channel_peer *peer, const char *bytes, size_t len)
{
	return channel_send(peer, bytes, len);
}

int channel_send_spare(struct channel_peer *peer, const char *bytes, size_t len)
{
	must(len <= CHANNEL_SPARE);
	return channel_send(peer, bytes, len);
}

bool channel_has_spare(struct channel_peer *peer)
{
	return peer->user != NULL;
}

/* No allocation fails here. */
/* cppcheck-suppress constParameter */
void channel_drain_later(struct channel_peer *peer)
{
	(void)peer;
	must(false);
}

static void offer(struct channel_peer *peer)
{
	while (peer->user && !peer->is_closing && peer->waiting_len) {
		size_t taken;

		taken = sessions_handler.received(peer, peer->waiting, peer->waiting_len,
						  peer->user);
		must(taken <= peer->waiting_len);
		if (!taken)
			return;
		peer->waiting_len -= taken;
		memmove(peer->waiting, peer->waiting + taken, peer->waiting_len);
	}
}

void channel_resume(struct channel_peer *peer)
{
	offer(peer);
}

bool channel_listens(struct channel_peer *peer)
{
	return !peer->is_closing;
}

/* No qemu-ga stands behind it. */
void channel_reopen_port(struct channel_peer *peer)
{
	(void)peer;
	must(false);
}

size_t channel_queued(const struct channel_peer *peer)
{
	return peer->queued;
}

static void host_comes(struct channel_peer *peer)
{
	if (peer->user)
		return;
	memset(peer, 0, sizeof(*peer));
	peer->reads = true;
	/* The port's is pushed reports from here on. */
	peer->user = world.sessions;
	peer->user = sessions_handler.opened(peer, peer == world.peers, world.sessions);
	must(peer->user != NULL);
}

static void host_leaves(struct channel_peer *peer)
{
	if (!peer->user)
		return;
	peer->is_closing = true;
	sessions_handler.closed(peer, peer->user);
	peer->user = NULL;
}

static void host_reads(struct channel_peer *peer)
{
	bool was_full = peer->queued >= CHANNEL_QUEUE_LOW;

	peer->reads = true;
	peer->queued = 0;
	if (!peer->user)
		return;
	if (was_full)
		sessions_handler.drained(peer, peer->user);
	offer(peer);
}

static void host_sends(struct channel_peer *peer, const char *bytes, size_t len)
{
	if (!peer->user || len > WAITING_MAX - peer->waiting_len)
		return;
	memcpy(peer->waiting + peer->waiting_len, bytes, len);
	peer->waiting_len += len;
	offer(peer);
}

/* # stands for a number. */
static const char *const requests[] = {
	"{\"execute\": \"guest-ping\"}",
	"{\"execute\": \"guest-info\", \"id\": [#]}",
	"{\"execute\": \"guest-get-memory-blocks\"}",
	"{\"execute\": \"guest-set-memory-blocks\", \"arguments\": {\"mem-blks\": "
	"[{\"phys-index\": #, \"online\": true}, {\"phys-index\": 33, \"online\": false}]}}",
	"{\"execute\": \"memonline-status\"}",
	"{\"execute\": \"memonline-get-ranges\"}",
	"{\"execute\": \"memonline-get-reports\", \"arguments\": {\"since\": #}}",
	"{\"execute\": \"memonline-online\", \"arguments\": {\"start\": 4294967296, \"size\": "
	"536870912, \"progress\": true}, \"id\": #}",
	"{\"execute\": \"memonline-offline\", \"arguments\": {\"start\": 4294967296, \"size\": "
	"536870912}, \"id\": #}",
	"{\"execute\": \"memonline-explain\", \"arguments\": {\"phys-index\": #}}",
	"{\"execute\": \"memonline-reconcile\", \"arguments\": {\"devices\": [{\"type\": \"dimm\", "
	"\"data\": {\"addr\": 4294967296, \"size\": 536870912, \"slot\": #, \"node\": 0, "
	"\"memdev\": \"m\", \"hotplugged\": true, \"hotpluggable\": true}}]}}",
	"{\"execute\": \"memonline-probe\", \"arguments\": {\"devices\": [{\"type\": \"dimm\", "
	"\"data\": {\"addr\": 4294967296, \"size\": 536870912, \"slot\": #, \"node\": 0, "
	"\"memdev\": \"m\", \"hotplugged\": true, \"hotpluggable\": true}}]}}",
	"{\"execute\": \"memonline-stats\"}",
	"{\"execute\": \"memonline-subscribe-pressure\", \"arguments\": {\"available\": #}}",
	"{\"execute\": \"memonline-subscribe\", \"arguments\": {\"since\": #}}",
};
#define REQUESTS (sizeof(requests) / sizeof(requests[0]))

static void host_asks(struct channel_peer *peer, uint8_t kind, uint8_t number)
{
	const char *request = requests[kind % REQUESTS];
	int head = (int)strcspn(request, "#");
	char line[512];
	size_t len;

	len = (size_t)snprintf(line, sizeof(line), "%.*s", head, request);
	request += head;
	if (*request)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%u%s", number,
					request + 1);
	line[len++] = '\n';
	if (!peer->user || len > WAITING_MAX - peer->waiting_len)
		return;
	must(peer->asked < ASKED_MAX);
	peer->subscribes[peer->asked++] = kind % REQUESTS == REQUESTS - 1;
	host_sends(peer, line, len);
}

static void host_sends_garbage(struct channel_peer *peer, struct input *input)
{
	size_t len = next(input);

	if (len > input->size)
		len = input->size;
	peer->is_garbled = true;
	host_sends(peer, (const char *)input->data, len);
	input->data += len;
	input->size -= len;
}

/* --- the agent's life */

static void reported(void *data)
{
	(void)data;
	if (world.sessions)
		sessions_push(world.sessions);
}

static void start_agent(void)
{
	size_t bytes = intent_size(INTENT_BLOCKS);

	world.edges.intent = intent_attach(world.remembered, bytes, "boot");
	must(world.edges.intent != NULL);
	world.agent = agent_new(&world.config, &world.edges, false);
	must(world.agent != NULL);
	world.sessions = sessions_new(world.agent, &no_monitors);
	must(world.sessions != NULL);
}

static void end_agent(bool killed)
{
	size_t i;

	for (i = 0; i < PEERS; i++)
		host_leaves(&world.peers[i]);
	sessions_free(world.sessions);
	world.sessions = NULL;
	world.kernel->deaf = killed;
	agent_free(world.agent);
	world.kernel->deaf = false;
	intent_free(world.edges.intent);
}

static void settle(void)
{
	unsigned steps = 0;

	while (agent_step(world.agent))
		must(++steps < STEPS_MAX);
}

static void hang_up(uint8_t value)
{
	config_defaults(&world.config);
	world.config.policy = (enum config_policy)(value % (CONFIG_POLICY_KEEP + 1));
	world.config.rezone = value >> 4 & 1;
	world.config.fallback = value >> 5 & 1;
	world.config.carry_out = value >> 6 & 1 ? CONFIG_CARRY_OUT_KERNEL
						: CONFIG_CARRY_OUT_AGENT;
	world.config.probe_mode = CONFIG_PROBE_HOST;
}

/* --- the kernel, and others */

static void happens(uint8_t kind, uint8_t value)
{
	static const enum uevent_action actions[] = { UEVENT_ADD, UEVENT_REMOVE,
						      UEVENT_ONLINE, UEVENT_OFFLINE };
	unsigned index = FIRST + value % (BLOCKS - FIRST);
	unsigned dimm = index - index % DIMM_BLOCKS;
	struct fake_block *block = &world.kernel->blocks[index];
	struct uevent event = { actions[value >> 6], index, 0 };

	switch (kind % 8) {
	case 0:
		if (!block->present)
			fake_kernel_add(world.kernel, dimm, DIMM_BLOCKS, BLOCK_OFFLINE);
		break;
	case 1:
		fake_kernel_remove(world.kernel, dimm, DIMM_BLOCKS);
		break;
	case 2:
		if (block->present)
			block->state = value & 0x80 ? BLOCK_ONLINE : BLOCK_OFFLINE;
		break;
	case 3:
		block->refuse = value & 0x80 ? EBUSY : EINVAL;
		block->refuse_times = value & 0x40 ? -1 : 1;
		break;
	case 4:
		block->state_missing = block->present && !block->state_missing;
		break;
	case 5:
		block->raced = true;
		break;
	case 6:
		block->ignore = !block->ignore;
		break;
	case 7:
		agent_event(world.agent, &event);
		return;
	}
}

/* --- all of it */

static void take_step(struct input *input)
{
	uint8_t kind = next(input), value;
	struct channel_peer *peer = &world.peers[kind / 16 % PEERS];

	switch (kind % 16) {
	case 0:
		host_comes(peer);
		break;
	case 1:
		host_leaves(peer);
		break;
	case 2:
		host_sends_garbage(peer, input);
		break;
	case 3:
		peer->reads = false;
		break;
	case 4:
		host_reads(peer);
		break;
	case 5:
		hang_up(next(input));
		agent_configure(world.agent, &world.config);
		break;
	case 6:
		end_agent(kind & 0x80);
		start_agent();
		break;
	case 7:
		settle();
		break;
	case 8:
		agent_wake(world.agent);
		break;
	case 9:
	case 10:
		for (value = next(input) % 16; value; value--)
			agent_step(world.agent);
		break;
	case 11:
	case 12:
		value = next(input);
		happens(kind / 16, value);
		break;
	default:
		value = next(input);
		host_asks(peer, value, next(input));
	}
}

/*
 * Nothing more happens: every client that asked and is still connected gets its answer.
 */
static void rest(void)
{
	unsigned rounds;
	size_t i;

	for (rounds = 0; rounds < 3; rounds++) {
		for (i = 0; i < PEERS; i++)
			host_reads(&world.peers[i]);
		agent_wake(world.agent);
		settle();
	}
	for (i = 0; i < PEERS; i++) {
		const struct channel_peer *peer = &world.peers[i];

		must(!peer->user || peer->is_garbled || peer->answered == peer->asked);
	}
}

static void begin(void)
{
	static const struct json_scan_limits limits = {
		.bytes = SIZE_MAX,
		.token = SIZE_MAX,
		.kept = SIZE_MAX / 2,
		.values = SIZE_MAX,
		.depth = JSON_SCAN_DEPTH_MAX,
		.elements = SIZE_MAX,
		.members = SIZE_MAX,
	};

	memset(&world, 0, sizeof(world));
	world.kernel = fake_kernel_new(BLOCKS);
	fake_kernel_add(world.kernel, 0, 8, BLOCK_ONLINE);
	world.edges.sysfs = sysfs_new(&fake_kernel_operations, world.kernel);
	world.edges.root = root_open("/nonexistent");
	world.edges.journal = journal_new("fuzz", 16, 256);
	world.edges.ports = &no_ports;
	world.edges.reported = reported;
	world.remembered = calloc(1, intent_size(INTENT_BLOCKS));
	world.scan = json_scan_new(&limits);
	must(world.edges.sysfs && world.edges.root && world.edges.journal &&
	     world.remembered && world.scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t first = next(&input);

	begin();
	fake_kernel_become(world.kernel, (enum fake_model)(first % FAKE_MODELS));
	world.kernel->has_probe = first & 0x80;
	hang_up(next(&input));
	start_agent();
	while (input.size)
		take_step(&input);
	rest();
	end_agent(false);
	json_scan_free(world.scan);
	journal_free(world.edges.journal);
	sysfs_close(world.edges.sysfs);
	root_close(world.edges.root);
	fake_kernel_free(world.kernel);
	free(world.remembered);
	return 0;
}
