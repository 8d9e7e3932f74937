/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A file in /run/memonline, state or blocks, that somebody has written to: it is a new start, or taken
 * up and worked with. Input: one byte for which file, one for how many edits of three bytes
 * (offset low, high, value) follow, then operations of two bytes.
 */

#include <stdlib.h>
#include <string.h>

#include "core/intent.h"
#include "core/journal.h"
#include "core/report.h"
#include "wire/protocol.h"

#define BLOCKS 8
#define EDITS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is in memory, and what a killed process leaves in its file. */
struct file {
	uint8_t *memory, *bytes;
	size_t size;
};

struct input {
	const uint8_t *data;
	size_t size;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void keep(void *data, const void *start, size_t bytes)
{
	struct file *file = data;
	size_t at = (size_t)((const uint8_t *)start - file->memory);

	must(at <= file->size && bytes <= file->size - at);
	memcpy(file->bytes + at, start, bytes);
}

static void file_open(struct file *file, size_t size)
{
	file->size = size;
	file->memory = calloc(1, size);
	file->bytes = calloc(1, size);
	must(file->memory && file->bytes);
}

static void file_close(struct file *file)
{
	free(file->memory);
	free(file->bytes);
}

static uint8_t next(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->data++;
}

static void edit(const struct file *file, struct input *input)
{
	unsigned count = next(input) % EDITS_MAX;

	for (; count && input->size >= 3; count--) {
		size_t at = next(input);

		at |= (size_t)next(input) << 8;
		file->memory[at % file->size] = next(input);
	}
	memcpy(file->bytes, file->memory, file->size);
}

/* --- state */

static void append(struct journal *journal, uint64_t start, size_t count)
{
	struct report_range ranges[20];
	struct report report = { .time_sec = 1 };
	size_t i;

	memset(ranges, 0, sizeof(ranges));
	for (i = 0; i < count; i++) {
		ranges[i].start = start + 2 * i;
		ranges[i].size = 1;
		ranges[i].to = BLOCK_ONLINE;
	}
	journal_append(journal, &report, ranges, count);
}

static void read_reports(const struct journal *journal)
{
	struct snapshot told = SNAPSHOT_INIT;
	struct text text = TEXT_INIT;
	size_t i;

	must(journal_first(journal) <= journal_last(journal) + 1);
	protocol_put_reports(&text, journal, 0, 100);
	must(!text.failed);
	text_free(&text);
	must(report_recall(journal, 1ULL << 50, &told) == 0);
	snapshot_free(&told);
	for (i = 0; i < journal_mark_count(journal); i++)
		journal_mark_at(journal, i, 1ULL << 27);
}

static void report_on(struct journal *journal, struct input *input)
{
	while (input->size >= 2) {
		uint8_t kind = next(input), value = next(input);

		if (kind % 4 == 0)
			append(journal, value, value % 20);
		else if (kind % 4 == 1)
			journal_mark(journal, value, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
		else if (kind % 4 == 2)
			journal_forget_marks(journal);
		else
			journal_set_position(journal, value);
	}
}

static void damaged_state(struct input *input)
{
	struct journal_bounds bounds = { 6, 16, 4 };
	char instance[JOURNAL_INSTANCE_SIZE];
	struct journal *journal;
	struct file file;
	struct store store = { keep, &file };
	unsigned i;

	file_open(&file, journal_size(&bounds));
	journal = journal_attach(file.memory, &bounds, "boot", "first");
	for (i = 0; i < 9; i++)
		append(journal, 10ULL * i, i % 4);
	journal_mark(journal, 3, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	journal_free(journal);
	edit(&file, input);
	journal = journal_attach(file.memory, &bounds, "boot", "second");
	journal_keep_in(journal, &store);
	memcpy(instance, journal_instance(journal), sizeof(instance));
	read_reports(journal);
	report_on(journal, input);
	read_reports(journal);
	must(memcmp(file.bytes, file.memory, file.size) == 0);
	i = journal_last(journal) < INT64_MAX;
	journal_free(journal);
	journal = journal_attach(file.bytes, &bounds, "boot", "third");
	must(!i || strcmp(journal_instance(journal), instance) == 0);
	journal_free(journal);
	file_close(&file);
}

/* --- blocks */

static void take_snapshot(struct snapshot *snapshot, struct intent *intent)
{
	uint64_t i;

	for (i = 0; i < BLOCKS; i++) {
		struct block block = { .index = i, .identity = i + 1 };

		must(snapshot_add_block(snapshot, &block) == 0);
	}
	intent_recall(intent, snapshot);
}

static void read_settings(const struct intent *intent)
{
	unsigned i;

	for (i = 0; i < INTENT_SETTINGS; i++) {
		const char *found = intent_found(intent, (enum intent_setting)i);

		must(strlen(intent_expected(intent, (enum intent_setting)i)) <
		     INTENT_VALUE_SIZE);
		must(!found || (*found && strlen(found) < INTENT_VALUE_SIZE));
	}
}

static size_t count_gone(const struct intent *intent, const struct snapshot *snapshot)
{
	struct snapshot gone = SNAPSHOT_INIT;
	size_t i, count;

	must(intent_gone(intent, snapshot, &gone) == 0);
	count = gone.count;
	for (i = 0; i < count; i++)
		must(!snapshot_find(snapshot, gone.blocks[i].index));
	snapshot_free(&gone);
	return count;
}

static void work_on(struct intent *intent, const struct snapshot *snapshot,
		    struct input *input)
{
	while (input->size >= 2) {
		uint8_t kind = next(input), value = next(input);
		struct block *block = &snapshot->blocks[value % BLOCKS];
		enum intent_setting setting =
			(enum intent_setting)(value % INTENT_SETTINGS);

		if (kind % 4 == 0) {
			block->marks = value & BLOCK_MARK_WAS_ONLINE;
			intent_remember(intent, block);
		} else if (kind % 8 == 1) {
			intent_forget(intent, block);
		} else if (kind % 4 == 1) {
			intent_forget_gone(intent, snapshot);
			must(count_gone(intent, snapshot) == 0);
		} else if (kind % 4 == 2) {
			intent_change_begin(intent, setting, "offline", "online");
		} else {
			intent_change_done(intent, setting);
		}
	}
}

static void damaged_blocks(struct input *input)
{
	struct snapshot snapshot = SNAPSHOT_INIT, again = SNAPSHOT_INIT;
	struct intent *intent;
	struct file file;
	struct store store = { keep, &file };
	size_t i;

	/* Room for fewer than there are. */
	file_open(&file, intent_size(BLOCKS - 2));
	intent = intent_attach(file.memory, file.size, "boot");
	take_snapshot(&snapshot, intent);
	for (i = 0; i < 4; i++)
		intent_remember(intent, &snapshot.blocks[i]);
	intent_change_begin(intent, INTENT_AUTO_ONLINE, "online", "offline");
	intent_free(intent);
	snapshot_clear(&snapshot);
	edit(&file, input);
	intent = intent_attach(file.memory, file.size, "boot");
	intent_keep_in(intent, &store);
	take_snapshot(&snapshot, intent);
	must(count_gone(intent, &snapshot) <= BLOCKS - 2);
	read_settings(intent);
	work_on(intent, &snapshot, input);
	must(memcmp(file.bytes, file.memory, file.size) == 0);
	intent_free(intent);
	intent = intent_attach(file.bytes, file.size, "boot");
	take_snapshot(&again, intent);
	for (i = 0; i < BLOCKS; i++) {
		must(!snapshot.blocks[i].slot == !again.blocks[i].slot);
		must(!snapshot.blocks[i].slot ||
		     snapshot.blocks[i].marks == again.blocks[i].marks);
	}
	intent_free(intent);
	snapshot_free(&snapshot);
	snapshot_free(&again);
	file_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };

	if (next(&input) % 2)
		damaged_blocks(&input);
	else
		damaged_state(&input);
	return 0;
}
