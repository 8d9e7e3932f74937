/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/text.h"
#include "daemon/relay.h"
#include "io/log.h"

#define SOCKET "/qga.sock"
#define SLICE_MSEC 5
#define SLICES 6000
#define LONG_REPLY (1024UL * 1024)

#define SHORT_MSEC 20

/* Until a test says otherwise no deadline comes before what it does. */
static const struct relay_patience patient = { 5, 60000, 60000, 60000, 60000, 60000 };

/* A qemu-ga that does what a test says, and a client of the relay. */
struct fixture {
	char root[64];
	struct loop *loop;
	struct loop_timer *timer;
	struct relay *relay;
	struct relay_patience patience;
	int listener, fd;
	struct text heard; /* by qemu-ga */
	size_t syncs_seen; /* bytes of heard that were looked at for syncs */
	bool is_deaf; /* qemu-ga reads nothing */
	bool is_mute; /* and answers no sync */
	struct text said; /* to the client */
	int ready, drained, done, failed;
	bool has_begun, has_room;
	char why[256];
};

/* --- the client */

static void on_ready(void *data)
{
	((struct fixture *)data)->ready++;
}

static void on_drained(void *data)
{
	((struct fixture *)data)->drained++;
}

static bool on_room(void *data)
{
	return ((const struct fixture *)data)->has_room;
}

static void on_reply(const char *bytes, size_t len, void *data)
{
	text_append(&((struct fixture *)data)->said, bytes, len);
}

static void on_done(void *data)
{
	((struct fixture *)data)->done++;
}

static void on_failed(const char *why, bool has_begun, void *data)
{
	struct fixture *fixture = data;

	fixture->failed++;
	fixture->has_begun = has_begun;
	snprintf(fixture->why, sizeof(fixture->why), "%s", why);
}

static const struct relay_client client = { on_ready, on_drained, on_room,
					    on_reply, on_done,	  on_failed };

/* --- qemu-ga */

static struct sockaddr_un address_of(const struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s" SOCKET, fixture->root);
	return address;
}

static void start_qemu_ga(struct fixture *fixture)
{
	struct sockaddr_un address = address_of(fixture);

	unlink(address.sun_path);
	fixture->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(
		bind(fixture->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fixture->listener, 1), 0);
}

static void end_qemu_ga(struct fixture *fixture)
{
	if (fixture->fd >= 0)
		close(fixture->fd);
	if (fixture->listener >= 0)
		close(fixture->listener);
	fixture->fd = fixture->listener = -1;
	fixture->syncs_seen = fixture->heard.len;
}

static void answer(struct fixture *fixture, const char *bytes, size_t len)
{
	assert_int_equal(send(fixture->fd, bytes, len, MSG_NOSIGNAL), len);
}

static void answer_line(struct fixture *fixture, const char *line)
{
	answer(fixture, line, strlen(line));
}

static void answer_sync(struct fixture *fixture, const char *id)
{
	char reply[64];
	int len = snprintf(reply, sizeof(reply), "\xff{\"return\": %" PRIu64 "}\n",
			   (uint64_t)strtoull(id, NULL, 10));

	answer(fixture, reply, (size_t)len);
}

/* Each as it comes, whatever stands between them. */
static void answer_syncs(struct fixture *fixture)
{
	static const char sync[] =
		"{\"execute\": \"guest-sync-delimited\", \"arguments\": "
		"{\"id\": ";
	const char *found;

	while (!fixture->is_mute && fixture->heard.data &&
	       (found = strstr(fixture->heard.data + fixture->syncs_seen, sync)) &&
	       strchr(found, '\n')) {
		answer_sync(fixture, found + sizeof(sync) - 1);
		fixture->syncs_seen =
			(size_t)(strchr(found, '\n') + 1 - fixture->heard.data);
	}
}

static void play(struct fixture *fixture)
{
	char bytes[4096];
	ssize_t len = 1;

	if (fixture->fd < 0 && fixture->listener >= 0)
		fixture->fd = accept4(fixture->listener, NULL, NULL, SOCK_NONBLOCK);
	while (fixture->fd >= 0 && !fixture->is_deaf && len > 0) {
		len = recv(fixture->fd, bytes, sizeof(bytes), 0);
		if (len > 0)
			text_append(&fixture->heard, bytes, (size_t)len);
	}
	if (fixture->fd >= 0)
		answer_syncs(fixture);
}

/* --- both, until something is so */

static bool quit(void *data)
{
	loop_quit(((struct fixture *)data)->loop);
	return false;
}

/* Between two rounds: a loop that ends within one forgets the other edges of it. */
static void on_timer(void *data)
{
	loop_set_work(((struct fixture *)data)->loop, quit, data);
}

static void slice(struct fixture *fixture)
{
	loop_timer_arm(fixture->timer, SLICE_MSEC);
	assert_int_equal(loop_run(fixture->loop), 0);
	play(fixture);
}

#define UNTIL(fixture, condition)                         \
	do {                                              \
		int slices = 0;                           \
                                                          \
		while (!(condition) && slices++ < SLICES) \
			slice(fixture);                   \
		assert_true(condition);                   \
	} while (0)

static int events_of(const struct fixture *fixture)
{
	return fixture->ready + fixture->done + fixture->failed;
}

/* Nothing more is said to the client. */
static void rests(struct fixture *fixture)
{
	int before = events_of(fixture), i;

	for (i = 0; i < 20; i++)
		slice(fixture);
	assert_int_equal(events_of(fixture), before);
}

static bool has_heard(const struct fixture *fixture, const char *part)
{
	return fixture->heard.len &&
	       memmem(fixture->heard.data, fixture->heard.len, part, strlen(part));
}

static void begin(struct fixture *fixture, const char *command)
{
	fixture->ready = fixture->done = fixture->failed = fixture->drained = 0;
	text_clear(&fixture->said);
	relay_begin(fixture->relay, command, &client, fixture);
	assert_int_equal(events_of(fixture), 0);
}

/* A request that is with qemu-ga. */
static void pass(struct fixture *fixture, const char *command, const char *request)
{
	begin(fixture, command);
	UNTIL(fixture, fixture->ready);
	assert_true(relay_takes(fixture->relay));
	relay_send(fixture->relay, request, strlen(request));
	relay_sent(fixture->relay, false);
	UNTIL(fixture, has_heard(fixture, request));
}

static int set_up(void **state)
{
	struct fixture *fixture = test_alloc(sizeof(*fixture));

	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_ERROR, true);
	strcpy(fixture->root, "/tmp/memonline-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->root));
	fixture->loop = loop_new();
	fixture->timer = loop_timer_add(fixture->loop, on_timer, fixture);
	fixture->patience = patient;
	fixture->relay =
		relay_new(fixture->loop, fixture->root, SOCKET, &fixture->patience);
	fixture->listener = fixture->fd = -1;
	fixture->has_room = true;
	*state = fixture;
	return fixture->relay ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = address_of(fixture);

	end_qemu_ga(fixture);
	relay_free(fixture->relay);
	loop_timer_remove(fixture->timer);
	loop_free(fixture->loop);
	text_free(&fixture->heard);
	text_free(&fixture->said);
	unlink(address.sun_path);
	rmdir(fixture->root);
	free(fixture);
	return 0;
}

/* --- qemu-ga is not there, or not able */

static void says_that_nobody_is_there(void **state)
{
	struct fixture *fixture = *state;

	fixture->patience.connect = SHORT_MSEC;
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->failed);
	assert_non_null(strstr(fixture->why, "not there"));
	assert_non_null(strstr(fixture->why, SOCKET));
	assert_false(fixture->has_begun);
	rests(fixture);
	/* a socket that nobody listens on */
	start_qemu_ga(fixture);
	end_qemu_ga(fixture);
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->failed);
	assert_non_null(strstr(fixture->why, "refused"));
}

static void waits_for_one_that_is_started_again(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "guest-exec");
	rests(fixture);
	start_qemu_ga(fixture);
	UNTIL(fixture, fixture->ready);
	/* once more, when it ends before it has answered the sync */
	relay_give_up(fixture->relay, fixture);
	rests(fixture);
	fixture->is_mute = true;
	begin(fixture, "guest-exec");
	rests(fixture);
	end_qemu_ga(fixture);
	rests(fixture);
	fixture->is_mute = false;
	start_qemu_ga(fixture);
	UNTIL(fixture, fixture->ready);
}

/* The time in which the one before it was silent is not counted. */
static void asks_the_next_one(void **state)
{
	struct fixture *fixture = *state;

	fixture->patience.connect = SHORT_MSEC;
	fixture->is_mute = true;
	start_qemu_ga(fixture);
	begin(fixture, "guest-exec");
	UNTIL(fixture, has_heard(fixture, "guest-sync"));
	rests(fixture);
	end_qemu_ga(fixture);
	fixture->is_mute = false;
	start_qemu_ga(fixture);
	UNTIL(fixture, fixture->ready);
	assert_int_equal(fixture->failed, 0);
}

/* But not for ever. */
static void gives_up_those_that_end_at_once(void **state)
{
	struct fixture *fixture = *state;

	fixture->patience.sync = fixture->patience.connect = SHORT_MSEC;
	fixture->is_mute = true;
	start_qemu_ga(fixture);
	begin(fixture, "guest-exec");
	while (!fixture->failed) {
		slice(fixture);
		end_qemu_ga(fixture);
		start_qemu_ga(fixture);
	}
	assert_int_equal(fixture->ready, 0);
}

static void passes_nothing_to_one_that_is_silent(void **state)
{
	struct fixture *fixture = *state;

	fixture->is_mute = true;
	fixture->patience.sync = SHORT_MSEC;
	start_qemu_ga(fixture);
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->failed);
	assert_non_null(strstr(fixture->why, "not passed on"));
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->failed);
	assert_int_equal(fixture->ready, 0);
	/* it was only slow: its late answer will do */
	fixture->patience = patient;
	fixture->is_mute = false;
	UNTIL(fixture, fixture->syncs_seen);
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->ready);
}

/* What it still says later is not taken for a reply to another request. */
static void gives_up_one_that_takes_too_long(void **state)
{
	struct fixture *fixture = *state;

	fixture->patience.hurry = SHORT_MSEC;
	start_qemu_ga(fixture);
	pass(fixture, "guest-fstrim", "{\"execute\":\"guest-fstrim\"}");
	rests(fixture);
	fixture->is_mute = true;
	relay_hurry(fixture->relay);
	UNTIL(fixture, fixture->failed);
	assert_non_null(strstr(fixture->why, "not answered in time"));
	assert_false(fixture->has_begun);
	assert_int_equal(fixture->said.len, 0);
	answer_line(fixture, "{\"return\": \"late\"}\n");
	fixture->is_mute = false;
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->ready);
	relay_send(fixture->relay, "{\"execute\":\"guest-exec\"}", 24);
	relay_sent(fixture->relay, false);
	UNTIL(fixture, has_heard(fixture, "guest-exec"));
	answer_line(fixture, "{\"return\": \"exec\"}\n");
	UNTIL(fixture, fixture->done);
	assert_string_equal(fixture->said.data, "{\"return\": \"exec\"}\n");
}

static void gives_up_one_that_takes_no_more(void **state)
{
	struct fixture *fixture = *state;
	char bytes[16384];

	memset(bytes, ' ', sizeof(bytes));
	fixture->patience.send = SHORT_MSEC;
	start_qemu_ga(fixture);
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->ready);
	fixture->is_deaf = true;
	while (relay_takes(fixture->relay))
		relay_send(fixture->relay, bytes, sizeof(bytes));
	UNTIL(fixture, fixture->failed);
	assert_non_null(strstr(fixture->why, "takes no more"));
	fixture->is_deaf = false;
	UNTIL(fixture, has_heard(fixture, "\xff{"));
}

/* --- qemu-ga dies */

static void tells_of_a_death(void **state)
{
	struct fixture *fixture = *state;

	start_qemu_ga(fixture);
	pass(fixture, "guest-exec", "{\"execute\":\"guest-exec\",\"id\":1}");
	/* a part of a reply that is short is none */
	answer_line(fixture, "{\"return\": ");
	rests(fixture);
	end_qemu_ga(fixture);
	UNTIL(fixture, fixture->failed);
	assert_false(fixture->has_begun);
	assert_int_equal(fixture->said.len, 0);
	start_qemu_ga(fixture);
	pass(fixture, "guest-exec", "{\"execute\":\"guest-exec\",\"id\":2}");
	answer_line(fixture, "{\"return\": 2}\n");
	UNTIL(fixture, fixture->done);
	assert_string_equal(fixture->said.data, "{\"return\": 2}\n");
	/* and of one in the middle of a request */
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->ready);
	relay_send(fixture->relay, "{\"execute\"", 10);
	end_qemu_ga(fixture);
	UNTIL(fixture, fixture->failed);
	assert_false(fixture->has_begun);
}

/* As much as qemu-ga can say at once, of a reply that has no end. */
static size_t say_much(struct fixture *fixture)
{
	char bytes[4096];
	size_t said = 0;
	ssize_t len;

	memset(bytes, 'A', sizeof(bytes));
	while (said < LONG_REPLY &&
	       (len = send(fixture->fd, bytes, sizeof(bytes), MSG_NOSIGNAL)) > 0)
		said += (size_t)len;
	return said;
}

/* It has said more than a buffer, and has not ended. */
static void begin_long_reply(struct fixture *fixture)
{
	size_t said = 0;

	start_qemu_ga(fixture);
	pass(fixture, "guest-file-read", "{\"execute\":\"guest-file-read\"}");
	while (said < LONG_REPLY) {
		said += say_much(fixture);
		slice(fixture);
	}
	UNTIL(fixture, fixture->said.len == said);
}

static void tells_of_a_death_within_a_reply(void **state)
{
	struct fixture *fixture = *state;

	begin_long_reply(fixture);
	end_qemu_ga(fixture);
	UNTIL(fixture, fixture->failed);
	assert_true(fixture->has_begun);
}

static void gives_up_one_that_stops_within_a_reply(void **state)
{
	struct fixture *fixture = *state;

	fixture->patience.hurry = SHORT_MSEC;
	begin_long_reply(fixture);
	relay_hurry(fixture->relay);
	UNTIL(fixture, fixture->failed);
	assert_non_null(strstr(fixture->why, "not finished its answer"));
	assert_true(fixture->has_begun);
}

/* One that fails has a reply, and one sync more is its end. */
static void fails_to_shut_down(struct fixture *fixture, const char *request)
{
	text_clear(&fixture->heard);
	fixture->syncs_seen = 0;
	begin(fixture, "guest-shutdown");
	UNTIL(fixture, fixture->ready);
	fixture->is_mute = true;
	relay_send(fixture->relay, request, strlen(request));
	relay_sent(fixture->relay, false);
	UNTIL(fixture, has_heard(fixture, "guest-shutdown"));
	answer_line(fixture, "{\"error\": {}}\n");
	UNTIL(fixture, fixture->done);
	assert_string_equal(fixture->said.data, "{\"error\": {}}\n");
	fixture->is_mute = false;
	pass(fixture, "guest-exec", "{\"execute\":\"guest-exec\"}");
	answer_line(fixture, "{\"return\": 3}\n");
	UNTIL(fixture, fixture->done);
	assert_string_equal(fixture->said.data, "{\"return\": 3}\n");
}

/* The machine goes down, and qemu-ga with it. */
static void goes_down(struct fixture *fixture)
{
	text_clear(&fixture->heard);
	fixture->syncs_seen = 0;
	begin(fixture, "guest-suspend-disk");
	UNTIL(fixture, fixture->ready);
	fixture->is_mute = true;
	relay_send(fixture->relay, "{}", 2);
	relay_sent(fixture->relay, false);
	rests(fixture);
	end_qemu_ga(fixture);
	UNTIL(fixture, fixture->done);
	assert_int_equal(fixture->said.len, 0);
	assert_int_equal(fixture->failed, 0);
}

static void expects_no_reply_to_a_shutdown(void **state)
{
	static const char request[] = "{\"execute\":\"guest-shutdown\"}";
	struct fixture *fixture = *state;

	start_qemu_ga(fixture);
	pass(fixture, "guest-shutdown", request);
	UNTIL(fixture, fixture->done);
	assert_int_equal(fixture->said.len, 0);
	fails_to_shut_down(fixture, request);
	goes_down(fixture);
}

/* --- nobody waits any more */

static void reads_to_its_end_what_nobody_wants(void **state)
{
	struct fixture *fixture = *state;
	size_t said;

	start_qemu_ga(fixture);
	pass(fixture, "guest-file-read", "{\"execute\":\"guest-file-read\"}");
	for (said = 0; said < LONG_REPLY / 2; slice(fixture))
		said += say_much(fixture);
	relay_give_up(fixture->relay, fixture);
	text_clear(&fixture->said);
	while (said < LONG_REPLY) {
		said += say_much(fixture);
		slice(fixture);
	}
	answer_line(fixture, "\"}}\n");
	pass(fixture, "guest-exec", "{\"execute\":\"guest-exec\"}");
	answer_line(fixture, "{\"return\": 1}\n");
	UNTIL(fixture, fixture->done);
	assert_string_equal(fixture->said.data, "{\"return\": 1}\n");
}

/* Also where the client had no room for more: qemu-ga writes, and reads nothing until then. */
static void reads_on_for_a_client_that_was_full(void **state)
{
	struct fixture *fixture = *state;

	start_qemu_ga(fixture);
	pass(fixture, "guest-file-read", "{\"execute\":\"guest-file-read\"}");
	fixture->is_deaf = true;
	for (; fixture->said.len == 0; slice(fixture))
		say_much(fixture);
	fixture->has_room = false;
	slice(fixture);
	while (say_much(fixture))
		slice(fixture);
	rests(fixture);
	relay_give_up(fixture->relay, fixture);
	UNTIL(fixture, send(fixture->fd, "\"}}\n", 4, MSG_NOSIGNAL) == 4);
	fixture->is_deaf = false;
	fixture->has_room = true;
	pass(fixture, "guest-exec", "{\"execute\":\"guest-exec\"}");
}

/* What a host made wrong ends, too, and qemu-ga says what it is. */
static void ends_a_wrong_request(struct fixture *fixture)
{
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->ready);
	relay_send(fixture->relay, "{\"x\":\x01", 6);
	relay_sent(fixture->relay, true);
	UNTIL(fixture, has_heard(fixture, "{\"x\":\x01\xff"));
	answer_line(fixture, "{\"error\": 1}\n{\"error\": 2}\n");
	UNTIL(fixture, fixture->done);
	assert_string_equal(fixture->said.data, "{\"error\": 1}\n");
}

/* One that is refused before its end is not gone on with. */
static void leaves_a_refused_request(struct fixture *fixture)
{
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->ready);
	relay_send(fixture->relay, "{\"y\":", 5);
	UNTIL(fixture, has_heard(fixture, "{\"y\":"));
	answer_line(fixture, "{\"error\": 3}\n");
	UNTIL(fixture, fixture->failed);
	assert_non_null(strstr(fixture->why, "refused"));
	relay_send(fixture->relay, "{\"z\":1}}", 8);
	relay_sent(fixture->relay, false);
	rests(fixture);
	assert_false(has_heard(fixture, "\"z\""));
}

/* qemu-ga must not wait for the rest of a request, nor take the next one for it. */
static void ends_a_request_that_has_no_end(void **state)
{
	struct fixture *fixture = *state;

	start_qemu_ga(fixture);
	begin(fixture, "guest-exec");
	UNTIL(fixture, fixture->ready);
	relay_send(fixture->relay, "{\"execute\":", 11);
	relay_give_up(fixture->relay, fixture);
	UNTIL(fixture, has_heard(fixture, "{\"execute\":\xff{\"execute\": \"guest-sync"));
	rests(fixture);
	ends_a_wrong_request(fixture);
	leaves_a_refused_request(fixture);
}

/* --- bounds */

static void takes_no_more_than_the_client(void **state)
{
	struct fixture *fixture = *state;
	size_t said = 0, stopped_at;
	int i;

	start_qemu_ga(fixture);
	pass(fixture, "guest-file-read", "{\"execute\":\"guest-file-read\"}");
	for (; fixture->said.len == 0; slice(fixture))
		said += say_much(fixture);
	fixture->has_room = false;
	slice(fixture);
	stopped_at = fixture->said.len;
	for (i = 0; i < 20; i++) {
		said += say_much(fixture);
		slice(fixture);
	}
	assert_int_equal(fixture->said.len, stopped_at);
	assert_true(said < LONG_REPLY);
	/* the end of qemu-ga is seen when its last bytes are */
	end_qemu_ga(fixture);
	rests(fixture);
	fixture->has_room = true;
	relay_resume(fixture->relay);
	UNTIL(fixture, fixture->failed);
	assert_int_equal(fixture->said.len, said);
}

static void holds_back_a_request_that_is_not_taken(void **state)
{
	struct fixture *fixture = *state;
	char bytes[16384];
	size_t sent = 0, before;

	memset(bytes, ' ', sizeof(bytes));
	start_qemu_ga(fixture);
	begin(fixture, "guest-file-write");
	UNTIL(fixture, fixture->ready);
	fixture->is_deaf = true;
	before = fixture->heard.len;
	for (; relay_takes(fixture->relay); sent += sizeof(bytes))
		relay_send(fixture->relay, bytes, sizeof(bytes));
	rests(fixture);
	assert_int_equal(fixture->drained, 0);
	fixture->is_deaf = false;
	UNTIL(fixture, fixture->drained && fixture->heard.len == before + sent);
	assert_true(relay_takes(fixture->relay));
}

/* --- the end of memonlined: bytes unread at the end would be the end of qemu-ga */

/* NULL once the other end has closed in order. */
static void *read_to_the_end(void *data)
{
	const int *fd = data;
	char bytes[4096];
	ssize_t len;

	fcntl(*fd, F_SETFL, 0);
	do
		len = recv(*fd, bytes, sizeof(bytes), 0);
	while (len > 0);
	/* qemu-ga closes then, and the relay waits for that */
	shutdown(*fd, SHUT_RDWR);
	return len == 0 ? NULL : data;
}

static void leaves_nothing_unread(void **state)
{
	struct fixture *fixture = *state;
	void *error = NULL;
	pthread_t thread;

	start_qemu_ga(fixture);
	pass(fixture, "guest-exec", "{\"execute\":\"guest-exec\"}");
	answer_line(fixture, "{\"return\": {}}\n");
	assert_int_equal(pthread_create(&thread, NULL, read_to_the_end, &fixture->fd), 0);
	relay_free(fixture->relay);
	fixture->relay = NULL;
	assert_int_equal(pthread_join(thread, &error), 0);
	assert_null(error);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(says_that_nobody_is_there),
		TEST(waits_for_one_that_is_started_again),
		TEST(asks_the_next_one),
		TEST(gives_up_those_that_end_at_once),
		TEST(passes_nothing_to_one_that_is_silent),
		TEST(gives_up_one_that_takes_too_long),
		TEST(gives_up_one_that_takes_no_more),
		TEST(tells_of_a_death),
		TEST(tells_of_a_death_within_a_reply),
		TEST(gives_up_one_that_stops_within_a_reply),
		TEST(expects_no_reply_to_a_shutdown),
		TEST(reads_to_its_end_what_nobody_wants),
		TEST(reads_on_for_a_client_that_was_full),
		TEST(ends_a_request_that_has_no_end),
		TEST(takes_no_more_than_the_client),
		TEST(holds_back_a_request_that_is_not_taken),
		TEST(leaves_nothing_unread),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
