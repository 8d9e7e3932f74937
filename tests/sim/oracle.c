/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <inttypes.h>
#include <string.h>

#include "core/journal.h"
#include "daemon/agent.h"

/* What must hold, by promises of the man pages. Each oracle has a name and a planted fault. */
#define WORK_MAX 20000 /* effects between two events */
#define WAKEUPS_MAX 600
#define MEMORY_MAX (8UL << 20)

static struct {
	uint64_t work, wakeups;
	uint8_t known[SIM_BLOCKS]; /* as the reports have it */
	uint8_t zone[SIM_BLOCKS];
	unsigned excuses[SIM_BLOCKS]; /* it went, and nobody may have seen it */
	bool begun; /* an agent with this journal has come to rest */
	bool before[SIM_BLOCKS]; /* as it is since before that: in no report */
	uint64_t seq;
	char generation
		[JOURNAL_INSTANCE_SIZE]; /* the instance that ends with a new one */
} seen;

void oracle_begin(void)
{
	memset(&seen, 0, sizeof(seen));
}

void oracle_add_to_snapshot(void)
{
	snapshot_add(&seen, sizeof(seen));
}

void oracle_generation(void)
{
	const struct journal *journal = life_journal();

	if (journal && journal_last(journal))
		memcpy(seen.generation, journal_instance(journal),
		       sizeof(seen.generation));
}

/* It may have heard so, and not acted yet. */
void oracle_dropped(void)
{
	seen.generation[0] = '\0';
}

/* Of a guest that was put back, and of which memonlined was told so. */
static void check_generation(void)
{
	const struct journal *journal = life_journal();

	if (journal && strcmp(journal_instance(journal), seen.generation) == 0)
		sim_fail("reports", "instance %s outlives the guest's generation",
			 seen.generation);
	seen.generation[0] = '\0';
}

void oracle_new_journal(void)
{
	memset(seen.known, 0, sizeof(seen.known));
	memset(seen.zone, 0, sizeof(seen.zone));
	seen.seq = 0;
	/* What happened before is in no report, and some of it is not reported again. */
	memset(seen.before, 1, sizeof(seen.before));
	seen.begun = false;
}

/* Nobody knows what they were: what is found is reported as if it had come. */
void oracle_forget_blocks(void)
{
	memset(seen.before, 1, sizeof(seen.before));
	seen.begun = false;
}

void oracle_skip_reports(uint64_t seq)
{
	seen.seq = seq;
}

uint64_t oracle_sum(void)
{
	uint64_t sum = seen.begun;
	unsigned i;

	for (i = SIM_FIRST_SLOT; i < SIM_BLOCKS; i++)
		sum = (sum + seen.known[i] + 8ull * seen.zone[i] +
		       64ull * seen.before[i] + (seen.excuses[i] ? 128 : 0)) *
		      0x100000001b3ull;
	return sum;
}

void oracle_rest(void)
{
	seen.begun = true;
}

void oracle_transition(unsigned index)
{
	if (!seen.begun)
		seen.before[index] = true;
}

void oracle_excuse_block(unsigned index)
{
	seen.excuses[index]++;
}

/* --- work */

void oracle_event(void)
{
	seen.work = 0;
	seen.wakeups = sim.wakeups;
}

void oracle_work(void)
{
	if (sim_memory_peak() > MEMORY_MAX)
		sim_fail("memory", "%zu bytes in use", sim_memory_peak());
	if (++seen.work > WORK_MAX || sim.wakeups - seen.wakeups > WAKEUPS_MAX)
		sim_fail("work",
			 "%" PRIu64 " effects, %" PRIu64 " wake-ups and nothing happened",
			 seen.work, sim.wakeups - seen.wakeups);
}

/* --- writes */

void oracle_write(unsigned index, enum online_type word, uint64_t handed_usec)
{
	const struct sim_block *block = &kernel.blocks[index];

	if (!block->present && !block->listed)
		sim_fail("absent", "written to memory%u, which is not there", index);
	if (block->present && !block->linked)
		sim_fail("ready", "written to memory%u before it was whole", index);
	if (word != ONLINE_TYPE_OFFLINE && block->state == BLOCK_OFFLINE &&
	    block->wish == SIM_WISH_OFF && !block->asked &&
	    block->read_usec > block->off_usec && handed_usec >= block->off_usec)
		sim_fail("operator", "memory%u was taken offline on purpose", index);
}

void oracle_read_zones(unsigned index)
{
	const struct sim_block *block = &kernel.blocks[index];

	if (block->state != BLOCK_ONLINE && !block->linked)
		sim_fail("ready", "valid_zones of memory%u read before it was whole",
			 index);
}

/* --- reports */

static bool is_new(unsigned state)
{
	return state == BLOCK_ABSENT || state == BLOCK_OFFLINE ||
	       state == BLOCK_UNREADABLE;
}

static void check_change(unsigned index, const struct report_range *range, uint64_t seq)
{
	uint8_t known = seen.known[index];
	bool joins = known == range->from || (is_new(known) && is_new(range->from));
	bool moved = range->to == BLOCK_ONLINE && range->zone != seen.zone[index];
	bool again = known == range->to && range->result == REPORT_SUCCESS && !moved;

	sim_trace("report %" PRIu64 ": memory%u %s -> %s (%s)", seq, index,
		  block_state_word((enum block_state)range->from),
		  block_state_word((enum block_state)range->to),
		  reason_text((enum reason)range->reason));
	if ((!joins || again) && !seen.before[index]) {
		if (seen.excuses[index])
			seen.excuses[index]--;
		else
			sim_fail("reports",
				 "report %" PRIu64
				 ": memory%u %s -> %s, but it was %s already",
				 seq, index,
				 block_state_word((enum block_state)range->from),
				 block_state_word((enum block_state)range->to),
				 block_state_word((enum block_state)known));
	}
	seen.before[index] = false;
	seen.known[index] = range->to;
	seen.zone[index] = range->zone;
}

void oracle_reports(void)
{
	const struct journal *journal = life_journal();
	const struct report *report;

	if (!journal)
		return;
	if (journal_last(journal) < seen.seq)
		sim_fail("reports", "numbers go back");
	while ((report = journal_after(journal, seen.seq))) {
		const struct report_range *ranges = journal_ranges(journal, report);
		size_t i;

		if (report->seq != seen.seq + 1 && seen.seq)
			sim_fail("reports", "a number is left out");
		for (i = 0; i < report->count; i++) {
			unsigned index = (unsigned)(ranges[i].start / SIM_BLOCK_BYTES);
			unsigned end =
				index + (unsigned)(ranges[i].size / SIM_BLOCK_BYTES);

			for (; index < end && index < SIM_BLOCKS; index++)
				check_change(index, &ranges[i], report->seq);
		}
		seen.seq = report->seq;
	}
}

/* What the reports end with is what is. */
static void check_account(unsigned index)
{
	const struct sim_block *block = &kernel.blocks[index];
	uint8_t state = block->present ? block->state : BLOCK_ABSENT;

	if (seen.before[index] || seen.known[index] == state ||
	    (is_new(seen.known[index]) && state == BLOCK_ABSENT) || seen.excuses[index])
		return;
	sim_fail("account", "memory%u is %s, the reports end with %s", index,
		 block_state_word((enum block_state)state),
		 block_state_word((enum block_state)seen.known[index]));
}

/* --- rest */

/* For the agent an administrator has: what it finds there is not what its file says that it wrote. */
static bool is_left_to_others(void)
{
	return kernel.found_forged &&
	       strcmp(agent_carried_out_by(life_agent()), "agent") != 0;
}

static void check_place(unsigned index)
{
	const struct sim_block *block = &kernel.blocks[index];

	if (!block->present)
		return;
	if (block->wish == SIM_WISH_POLICY && block->state != BLOCK_ONLINE &&
	    !block->asked_off && sim.config.policy != CONFIG_POLICY_KEEP &&
	    !is_left_to_others())
		sim_fail("place", "memory%u is %s", index,
			 block_state_word((enum block_state)block->state));
	if (block->wish == SIM_WISH_OFF && block->state != BLOCK_OFFLINE && !block->asked)
		sim_fail("operator", "memory%u is %s", index,
			 block_state_word((enum block_state)block->state));
}

static void forget_asked(struct sim_block *block)
{
	if (block->asked_off && block->state != BLOCK_ONLINE &&
	    block->wish == SIM_WISH_POLICY)
		block->wish = SIM_WISH_ANY;
	block->asked = block->asked_off = false;
}

void oracle_settled(void)
{
	unsigned i;

	oracle_reports();
	check_generation();
	for (i = 0; i < SIM_BLOCKS; i++) {
		check_place(i);
		if (i >= SIM_FIRST_SLOT)
			check_account(i);
		forget_asked(&kernel.blocks[i]);
		seen.excuses[i] = 0;
	}
	host_check();
	files_check();
}

void oracle_ended(void)
{
	if (kernel.found_lost)
		return;
	if (kernel.auto_online != kernel.found_auto_online)
		sim_fail("settings", "auto_online_blocks is %s",
			 online_type_text(kernel.auto_online));
	if (memcmp(kernel.parameters, kernel.found_parameters,
		   sizeof(kernel.parameters)) != 0)
		sim_fail("settings", "a parameter is not as it was found");
}
