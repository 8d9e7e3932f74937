/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/scale-record.h"

#include <errno.h>
#include <string.h>

#include "wire/field.h"
#include "wire/json-scan.h"

/* Enums and counts are kept as their own words and bounded: the file may have been edited. */
struct line {
	struct scale_record record;
	char state[SCALE_RECORD_WORD_SIZE], state_reason[SCALE_RECORD_WORD_SIZE];
	uint64_t stage, failures, shrink_failures, streak, pressed;
};

#define COUNT_MAX 1000000u
#define MEMBER(member) offsetof(struct line, member)
#define TEXT(name, member)                                                          \
	{                                                                           \
		FIELD_NAME(name), FIELD_TEXT, NULL, FIELD_REQUIRED, MEMBER(member), \
			sizeof(((struct line *)0)->member)                          \
	}
#define NUMBER(name, member)                                                            \
	{                                                                               \
		FIELD_NAME(name), FIELD_UINT64, NULL, FIELD_REQUIRED, MEMBER(member), 0 \
	}
#define UNKNOWN(name, member)                                                           \
	{                                                                               \
		FIELD_NAME(name), FIELD_UINT64, NULL, FIELD_NULLABLE, MEMBER(member), 0 \
	}
#define FLAG(name, member)                                                               \
	{                                                                                \
		FIELD_NAME(name), FIELD_BOOLEAN, NULL, FIELD_REQUIRED, MEMBER(member), 0 \
	}

static const struct field fields[] = {
	TEXT("uuid", record.uuid),
	TEXT("domain", record.name),
	NUMBER("time-usec", record.time_usec),
	NUMBER("min", record.min),
	NUMBER("max", record.max),
	NUMBER("given", record.given),
	NUMBER("confirmed", record.confirmed),
	UNKNOWN("available", record.available),
	TEXT("action", record.action),
	NUMBER("action-bytes", record.action_bytes),
	NUMBER("action-usec", record.action_usec),
	TEXT("action-reason", record.action_reason),
	TEXT("reason", record.reason),
	TEXT("state", state),
	TEXT("state-reason", state_reason),
	NUMBER("stage", stage),
	NUMBER("bytes", record.memory.bytes),
	NUMBER("given-before", record.memory.given),
	NUMBER("confirmed-before", record.memory.confirmed),
	NUMBER("deadline-usec", record.memory.deadline_usec),
	FLAG("by-stall", record.memory.by_stall),
	NUMBER("grown-usec", record.memory.grown_usec),
	NUMBER("shrunk-usec", record.memory.shrunk_usec),
	NUMBER("shrunk-from", record.memory.shrunk_from),
	NUMBER("hold-grow-usec", record.memory.hold_grow_usec),
	NUMBER("hold-shrink-usec", record.memory.hold_shrink_usec),
	NUMBER("failures", failures),
	NUMBER("shrink-failures", shrink_failures),
	NUMBER("streak", streak),
	NUMBER("calm-usec", record.memory.calm_usec),
	NUMBER("floor", record.memory.floor),
	NUMBER("floor-usec", record.memory.floor_usec),
	NUMBER("regret-usec", record.memory.regret_usec),
	NUMBER("pressed", pressed),
	NUMBER("pressed-usec", record.memory.pressed_usec),
	NUMBER("sampled-usec", record.memory.sampled_usec),
	NUMBER("used", record.memory.used),
	NUMBER("rate", record.memory.rate),
	UNKNOWN("some-usec", record.memory.some_usec),
	UNKNOWN("full-usec", record.memory.full_usec),
	UNKNOWN("oom-kills", record.memory.oom_kills),
};
static const struct field_shape shape = FIELD_SHAPE(fields, struct line);

static void put_word(char to[SCALE_RECORD_WORD_SIZE], const char *word)
{
	strncpy(to, word, SCALE_RECORD_WORD_SIZE - 1);
	to[SCALE_RECORD_WORD_SIZE - 1] = '\0';
}

const char *scale_action_text(enum scale_action action)
{
	switch (action) {
	case SCALE_GROW:
		return "grow";
	case SCALE_SHRINK:
		return "shrink";
	case SCALE_TAKE_OUT:
		return "take-out";
	case SCALE_NOTHING:
		break;
	}
	return "";
}

void scale_record_put(struct text *out, const struct scale_record *record)
{
	const struct scale_memory *memory = &record->memory;
	struct line line;

	memset(&line, 0, sizeof(line));
	line.record = *record;
	put_word(line.state, scale_state_text(memory->state));
	put_word(line.state_reason, scale_reason_text(memory->reason));
	line.stage = memory->stage;
	line.failures = memory->failures;
	line.shrink_failures = memory->shrink_failures;
	line.streak = memory->streak;
	line.pressed = memory->pressed;
	field_put(out, &shape, &line);
	text_puts(out, "\n");
}

/* --- and back */

static bool find_state(const char *word, enum scale_state *state)
{
	unsigned i;

	for (i = 0; i < SCALE_STATES; i++)
		if (strcmp(scale_state_text((enum scale_state)i), word) == 0) {
			*state = (enum scale_state)i;
			return true;
		}
	return false;
}

static bool find_reason(const char *word, enum scale_reason *reason)
{
	unsigned i;

	for (i = 0; i < SCALE_REASONS; i++)
		if (strcmp(scale_reason_text((enum scale_reason)i), word) == 0) {
			*reason = (enum scale_reason)i;
			return true;
		}
	return false;
}

static unsigned count_of(uint64_t number)
{
	return number < COUNT_MAX ? (unsigned)number : COUNT_MAX;
}

static int check(struct line *line)
{
	struct scale_memory *memory = &line->record.memory;

	if (!find_state(line->state, &memory->state) ||
	    !find_reason(line->state_reason, &memory->reason) ||
	    line->stage > SCALE_TAKING_OUT || !*line->record.uuid)
		return -EBADMSG;
	memory->stage = (enum scale_stage)line->stage;
	memory->failures = count_of(line->failures);
	memory->shrink_failures = count_of(line->shrink_failures);
	memory->streak = count_of(line->streak);
	memory->pressed = (unsigned)(line->pressed & ((1u << PRESSURE_SIGNALS) - 1));
	return 0;
}

static int read_line(const struct json_value *value, struct scale_record *record)
{
	struct field_fault fault;
	struct line line;
	int r;

	memset(&line, 0, sizeof(line));
	if (!field_read(&shape, value, &line, &fault))
		return -EBADMSG;
	r = check(&line);
	if (r == 0)
		*record = line.record;
	return r;
}

int scale_record_take(const char *line, size_t len, struct scale_record *record)
{
	static const struct json_scan_limits limits = {
		.bytes = SCALE_RECORD_LINE_MAX,
		.token = 1024,
		.kept = SCALE_RECORD_LINE_MAX,
		.values = 256,
		.depth = 2,
		.elements = 16,
		.members = 128,
	};
	struct json_scan *scan = json_scan_new(&limits);
	struct json_value value;
	int r = -EBADMSG;

	if (!scan)
		return -ENOMEM;
	if (json_scan_feed(scan, &line, &len) == JSON_SCAN_OBJECT && len == 0) {
		value = json_scan_value(scan);
		r = read_line(&value, record);
	}
	json_scan_free(scan);
	return r;
}
