/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "wire/scale-record.h"

/* Every member another number. */
static struct scale_record full(void)
{
	struct scale_record record = { .uuid = "" };
	struct scale_memory *memory = &record.memory;
	uint64_t *numbers[] = {
		&record.time_usec,
		&record.min,
		&record.max,
		&record.given,
		&record.confirmed,
		&record.available,
		&record.action_bytes,
		&record.action_usec,
		&memory->bytes,
		&memory->given,
		&memory->confirmed,
		&memory->deadline_usec,
		&memory->grown_usec,
		&memory->shrunk_usec,
		&memory->shrunk_from,
		&memory->hold_grow_usec,
		&memory->hold_shrink_usec,
		&memory->calm_usec,
		&memory->floor,
		&memory->floor_usec,
		&memory->regret_usec,
		&memory->pressed_usec,
		&memory->sampled_usec,
		&memory->used,
		&memory->rate,
		&memory->some_usec,
		&memory->full_usec,
		&memory->oom_kills,
	};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i] = 1000000007ull * (i + 1) << 20;
	strcpy(record.uuid, "6b1f7b5e-0000-4000-8000-000000000001");
	strcpy(record.name, "a \"b\" \x1b");
	strcpy(record.action, "grow");
	strcpy(record.action_reason, "available");
	strcpy(record.reason, "host-short");
	memory->state = SCALE_BACKING_OFF;
	memory->reason = SCALE_BY_NOT_CONFIRMED;
	memory->stage = SCALE_ASKED_BACK;
	memory->by_stall = true;
	memory->failures = 3;
	memory->shrink_failures = 4;
	memory->streak = 5;
	memory->pressed = 6;
	return record;
}

static int take(const char *line, struct scale_record *record)
{
	return scale_record_take(line, strcspn(line, "\n"), record);
}

static void reads_back_what_it_wrote(void **state)
{
	struct scale_record record = full(), again;
	struct text out = TEXT_INIT;

	(void)state;
	memset(&again, 0, sizeof(again));
	scale_record_put(&out, &record);
	assert_int_equal(strcspn(out.data, "\n"), out.len - 1);
	assert_int_equal(take(out.data, &again), 0);
	assert_memory_equal(&again, &record, sizeof(record));
	text_clear(&out);
	scale_memory_init(&record.memory);
	record.available = STATS_UNKNOWN;
	scale_record_put(&out, &record);
	assert_int_equal(take(out.data, &again), 0);
	assert_memory_equal(&again, &record, sizeof(record));
	text_free(&out);
}

/* The first `from` in a good line replaced by `to`. */
static int take_with(const char *from, const char *to)
{
	struct scale_record record = full();
	struct text good = TEXT_INIT, bad = TEXT_INIT;
	const char *at;
	int r;

	scale_record_put(&good, &record);
	at = strstr(good.data, from);
	assert_non_null(at);
	text_append(&bad, good.data, (size_t)(at - good.data));
	text_puts(&bad, to);
	text_puts(&bad, at + strlen(from));
	r = take(bad.data, &record);
	text_free(&good);
	text_free(&bad);
	return r;
}

static void refuses_what_is_damaged(void **state)
{
	struct scale_record record;
	struct text line = TEXT_INIT;
	size_t len;

	(void)state;
	assert_int_equal(take("", &record), -EBADMSG);
	assert_int_equal(take("{}", &record), -EBADMSG);
	assert_int_equal(take("[]", &record), -EBADMSG);
	assert_int_equal(take("{} {}", &record), -EBADMSG);
	assert_int_equal(take_with("\"backing-off\"", "\"flying\""), -EBADMSG);
	assert_int_equal(take_with("\"not-confirmed\"", "\"why not\""), -EBADMSG);
	assert_int_equal(take_with("\"stage\": 3", "\"stage\": 5"), -EBADMSG);
	assert_int_equal(take_with("\"stage\": 3", "\"stage\": -1"), -EBADMSG);
	assert_int_equal(take_with("\"streak\": 5", "\"streak\": 1.5"), -EBADMSG);
	assert_int_equal(take_with("\"streak\": 5, ", ""), -EBADMSG);
	assert_int_equal(take_with("6b1f7b5e-0000-4000-8000-000000000001", ""), -EBADMSG);
	assert_int_equal(take_with("6b1f7b5e", "6b1f7b5e6b1f7b5e"), -EBADMSG);
	assert_int_equal(take_with("\"by-stall\": true", "\"by-stall\": 1"), -EBADMSG);
	assert_int_equal(take_with("\"pressed\": 6", "\"pressed\": 255"), 0);
	assert_int_equal(take_with("\"failures\": 3", "\"failures\": 99999999999"), 0);
	/* Cut short anywhere. */
	record = full();
	scale_record_put(&line, &record);
	for (len = 0; len < line.len - 1; len++)
		assert_int_equal(scale_record_take(line.data, len, &record), -EBADMSG);
	text_free(&line);
}

static void what_is_counted_stays_bounded(void **state)
{
	static const char *const line =
		"{\"uuid\": \"u\", \"domain\": \"\", \"time-usec\": 0, \"min\": 0, "
		"\"max\": 0, \"given\": 0, \"confirmed\": 0, \"available\": null, "
		"\"action\": \"\", \"action-bytes\": 0, \"action-usec\": 0, "
		"\"action-reason\": \"\", \"reason\": \"\", \"state\": \"calm\", "
		"\"state-reason\": \"enough\", \"stage\": 0, \"bytes\": 0, "
		"\"given-before\": 0, \"confirmed-before\": 0, \"deadline-usec\": 0, "
		"\"by-stall\": false, \"grown-usec\": 0, \"shrunk-usec\": 0, "
		"\"shrunk-from\": 0, \"hold-grow-usec\": 0, \"hold-shrink-usec\": 0, "
		"\"failures\": 99999999999, \"shrink-failures\": 0, \"streak\": 0, "
		"\"calm-usec\": 0, \"floor\": 0, \"floor-usec\": 0, \"regret-usec\": 0, "
		"\"pressed\": 18446744073709551615, \"pressed-usec\": 0, "
		"\"sampled-usec\": 0, \"used\": 0, \"rate\": 0, \"some-usec\": null, "
		"\"full-usec\": null, \"oom-kills\": null, \"later\": 1}";
	struct scale_record record;

	(void)state;
	assert_int_equal(take(line, &record), 0);
	assert_int_equal(record.memory.failures, 1000000);
	assert_int_equal(record.memory.pressed, (1u << PRESSURE_SIGNALS) - 1);
	assert_int_equal(record.memory.state, SCALE_CALM);
	assert_true(record.available == STATS_UNKNOWN);
	assert_string_equal(scale_action_text(SCALE_TAKE_OUT), "take-out");
	assert_string_equal(scale_action_text(SCALE_NOTHING), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_back_what_it_wrote),
		cmocka_unit_test(refuses_what_is_damaged),
		cmocka_unit_test(what_is_counted_stays_bounded),
	};

	return cmocka_run_group_tests_name("scale-record", tests, NULL, NULL);
}
