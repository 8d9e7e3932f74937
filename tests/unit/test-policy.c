/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/executor.h"
#include "core/policy.h"

#define MIB (1ull << 20)
#define BLOCK_SIZE (128 * MIB)

enum {
	NOTHING,
	VIRTUAL,
	METAL,
	MAINFRAME,
	COMMAND_LINE,
	CHANGED,
	KMEM,
	OFF,
	KMEM_OFF,
	ROOM,
	NO_ROOM,
	FROM_TOP,
	ASKED
};

/* The table of memonlined.conf(5), row by row: `text` is its line there. */
static const struct {
	const char *text;
	enum block_state state;
	uint8_t marks;
	int known;
	enum config_policy policy;
	enum online_type word;
	enum reason reason;
} rows[] = {
	/* What no policy touches comes first. */
	{ "online\tany\t(already-online)", BLOCK_ONLINE, 0, 0, CONFIG_POLICY_ONLINE,
	  ONLINE_TYPE_NONE, REASON_ALREADY_ONLINE },
	{ "going-offline\tany\t(going-offline)", BLOCK_GOING_OFFLINE, 0, 0,
	  CONFIG_POLICY_ONLINE, ONLINE_TYPE_NONE, REASON_GOING_OFFLINE },
	{ "unreadable\tany\t(state-unreadable)", BLOCK_UNREADABLE, 0, 0,
	  CONFIG_POLICY_ONLINE, ONLINE_TYPE_NONE, REASON_STATE_UNREADABLE },
	{ "a command took it offline\tany\t(asked)", BLOCK_OFFLINE, BLOCK_MARK_WAS_ONLINE,
	  ASKED, CONFIG_POLICY_ONLINE, ONLINE_TYPE_NONE, REASON_ASKED },
	{ "was online in this boot\tany\t(offlined-elsewhere)", BLOCK_OFFLINE,
	  BLOCK_MARK_WAS_ONLINE, 0, CONFIG_POLICY_ONLINE, ONLINE_TYPE_NONE,
	  REASON_OFFLINED_ELSEWHERE },
	{ "memhp_default_state= set\tany\t(administrator)", BLOCK_OFFLINE, 0,
	  COMMAND_LINE, CONFIG_POLICY_ONLINE, ONLINE_TYPE_NONE, REASON_ADMINISTRATOR },
	{ "auto_online_blocks changed\tany\t(administrator)", BLOCK_OFFLINE, 0, CHANGED,
	  CONFIG_POLICY_ONLINE, ONLINE_TYPE_NONE, REASON_ADMINISTRATOR },
	{ "the kernel refused it\tany\t(as its report has)", BLOCK_OFFLINE,
	  BLOCK_MARK_FAILED, 0, CONFIG_POLICY_ONLINE, ONLINE_TYPE_NONE, REASON_REFUSED },
	{ "the kernel would online it\tkeep\tkernel's (kernel-default)", BLOCK_OFFLINE, 0,
	  OFF, CONFIG_POLICY_KEEP, ONLINE_TYPE_ONLINE_KERNEL, REASON_KERNEL_DEFAULT },
	{ "any other\tkeep\t(policy-keep)", BLOCK_OFFLINE, 0, 0, CONFIG_POLICY_KEEP,
	  ONLINE_TYPE_NONE, REASON_POLICY_KEEP },
	{ "kmem, kernel would online\tany\tkernel's (kernel-default)", BLOCK_OFFLINE, 0,
	  KMEM_OFF, CONFIG_POLICY_ONLINE, ONLINE_TYPE_ONLINE_KERNEL,
	  REASON_KERNEL_DEFAULT },
	{ "kmem\tany\t(policy-keep)", BLOCK_OFFLINE, 0, KMEM, CONFIG_POLICY_ONLINE,
	  ONLINE_TYPE_NONE, REASON_POLICY_KEEP },
	{ "s390x, ppc64\tauto\t(architecture)", BLOCK_OFFLINE, 0, MAINFRAME,
	  CONFIG_POLICY_AUTO, ONLINE_TYPE_NONE, REASON_ARCHITECTURE },
	{ "a virtual machine\tauto\tonline (policy)", BLOCK_OFFLINE, 0, VIRTUAL,
	  CONFIG_POLICY_AUTO, ONLINE_TYPE_ONLINE, REASON_POLICY },
	{ "bare metal\tauto\tonline_movable (policy)", BLOCK_OFFLINE, 0, METAL,
	  CONFIG_POLICY_AUTO, ONLINE_TYPE_ONLINE_MOVABLE, REASON_POLICY },
	{ "any other\tonline\tonline (policy)", BLOCK_OFFLINE, 0, 0, CONFIG_POLICY_ONLINE,
	  ONLINE_TYPE_ONLINE, REASON_POLICY },
	{ "any other\tonline_kernel\tonline_kernel (policy)", BLOCK_OFFLINE, 0, 0,
	  CONFIG_POLICY_ONLINE_KERNEL, ONLINE_TYPE_ONLINE_KERNEL, REASON_POLICY },
	{ "any other\tonline_movable\tonline_movable (policy)", BLOCK_OFFLINE, 0, 0,
	  CONFIG_POLICY_ONLINE_MOVABLE, ONLINE_TYPE_ONLINE_MOVABLE, REASON_POLICY },
	{ "its DIMM fits the ratio\tratio\tonline_movable (policy)", BLOCK_OFFLINE, 0,
	  ROOM, CONFIG_POLICY_RATIO, ONLINE_TYPE_ONLINE_MOVABLE, REASON_POLICY },
	{ "its DIMM does not\tratio\tonline_kernel (ratio-reached)", BLOCK_OFFLINE, 0,
	  NO_ROOM, CONFIG_POLICY_RATIO, ONLINE_TYPE_ONLINE_KERNEL, REASON_RATIO_REACHED },
	{ "zone refused, before 4.13\tany\tonline (zone-fixed)", BLOCK_OFFLINE,
	  BLOCK_MARK_FALLBACK, FROM_TOP, CONFIG_POLICY_ONLINE_KERNEL, ONLINE_TYPE_ONLINE,
	  REASON_ZONE_FIXED },
	{ "zone refused, fallback=yes\tany\tonline (fallback)", BLOCK_OFFLINE,
	  BLOCK_MARK_FALLBACK, 0, CONFIG_POLICY_ONLINE_MOVABLE, ONLINE_TYPE_ONLINE,
	  REASON_FALLBACK },
	{ "taken offline by rezone\tany\tas above (rezoned)", BLOCK_OFFLINE,
	  BLOCK_MARK_PLACED_BY_US, 0, CONFIG_POLICY_ONLINE_MOVABLE,
	  ONLINE_TYPE_ONLINE_MOVABLE, REASON_REZONED },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void set_known(struct snapshot *snapshot, int known)
{
	struct snapshot_node *node = snapshot_node(snapshot, 0);

	snapshot->machine.is_virtual = known == VIRTUAL;
	snapshot->machine.keeps_memory = known == MAINFRAME;
	snapshot->machine.memhp_default_state = known == COMMAND_LINE;
	snapshot->machine.auto_online_changed = known == CHANGED;
	snapshot->machine.withheld = known == OFF || known == KMEM_OFF
					     ? ONLINE_TYPE_ONLINE_KERNEL
					     : ONLINE_TYPE_NONE;
	snapshot->machine.kernel.has[KERNEL_MOVABLE_FROM_TOP] = known == FROM_TOP;
	node->kernel_bytes = known == ROOM ? 1024 * MIB : 1 * MIB;
	assert_int_equal(snapshot_add_resource(snapshot, 32 * BLOCK_SIZE, BLOCK_SIZE,
					       known == KMEM || known == KMEM_OFF
						       ? "System RAM (kmem)"
						       : "System RAM"),
			 0);
}

static void decides_as_the_table_says(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		struct policy_verdict verdict = { ONLINE_TYPE_OFFLINE, REASONS };
		struct snapshot snapshot = SNAPSHOT_INIT;
		struct policy policy;
		struct config config;
		struct block block = { .index = 32,
				       .state = (uint8_t)rows[i].state,
				       .marks = rows[i].marks,
				       .reason = rows[i].known == ASKED
							 ? REASON_ASKED
							 : REASON_REFUSED };

		config_defaults(&config);
		config.policy = rows[i].policy;
		snapshot.block_size_bytes = BLOCK_SIZE;
		assert_int_equal(snapshot_add_block(&snapshot, &block), 0);
		set_known(&snapshot, rows[i].known);
		assert_int_equal(policy_begin(&policy, &config, &snapshot), 0);
		policy_decide(&policy, snapshot.blocks, &verdict);
		if (verdict.word != rows[i].word || verdict.reason != rows[i].reason)
			fail_msg("%s: %s, %s", rows[i].text,
				 online_type_text(verdict.word),
				 reason_text(verdict.reason));
		policy_end(&policy);
		snapshot_free(&snapshot);
	}
}

/* The lines between .TS and .TE of the page's policy table are the rows, in their order. */
static void the_table_is_the_manual_page_s(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], line[256];
	bool in_table = false;
	size_t row = 0;
	FILE *page;

	(void)state;
	snprintf(path, sizeof(path), "%s/agent/daemon/memonlined.conf.5",
		 srcdir ? srcdir : ".");
	page = fopen(path, "r");
	assert_non_null(page);
	while (fgets(line, sizeof(line), page)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "Block\t", 6) == 0)
			in_table = true;
		else if (strcmp(line, ".TE") == 0)
			in_table = false;
		else if (in_table && strchr(line, '\t')) {
			assert_true(row < ROWS);
			assert_string_equal(line, rows[row].text);
			row++;
		}
	}
	fclose(page);
	assert_int_equal(row, ROWS);
}

/* --- what goes first: range, owner, node, [memonlined] */

static const char sections[] = "[memonlined]\npolicy = online\n"
			       "[node 1]\npolicy = online_kernel\n"
			       "[range 0x100000000+256M]\npolicy = online_movable\n"
			       "[owner System RAM (virtio_mem)]\npolicy = keep\n";

static enum online_type word_of(const char *text, uint64_t index, int node,
				const char *owner)
{
	struct block block = { .index = index, .node = node, .state = BLOCK_OFFLINE };
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct policy_verdict verdict;
	char error[CONFIG_ERROR_SIZE];
	struct policy policy;
	struct config config;

	if (config_parse(&config, "test", text, strlen(text), error) < 0)
		fail_msg("%s", error);
	snapshot.block_size_bytes = BLOCK_SIZE;
	assert_int_equal(snapshot_add_block(&snapshot, &block), 0);
	assert_int_equal(snapshot_add_resource(&snapshot, index * BLOCK_SIZE, BLOCK_SIZE,
					       owner),
			 0);
	assert_int_equal(policy_begin(&policy, &config, &snapshot), 0);
	policy_decide(&policy, snapshot.blocks, &verdict);
	policy_end(&policy);
	snapshot_free(&snapshot);
	return verdict.word;
}

static void the_closest_section_decides(void **state)
{
	(void)state;
	assert_int_equal(word_of(sections, 40, 0, "System RAM"), ONLINE_TYPE_ONLINE);
	assert_int_equal(word_of(sections, 40, 1, "System RAM"),
			 ONLINE_TYPE_ONLINE_KERNEL);
	assert_int_equal(word_of(sections, 33, 1, "System RAM"),
			 ONLINE_TYPE_ONLINE_MOVABLE);
	assert_int_equal(word_of(sections, 34, 0, "System RAM"), ONLINE_TYPE_ONLINE);
	assert_int_equal(word_of(sections, 40, 1, "System RAM (virtio_mem)"),
			 ONLINE_TYPE_NONE);
	assert_int_equal(word_of(sections, 33, 1, "System RAM (virtio_mem)"),
			 ONLINE_TYPE_ONLINE_MOVABLE);
	/* virtio-mem follows the main policy where no section names it. */
	assert_int_equal(word_of("[memonlined]\npolicy = online\n", 40, 1,
				 "System RAM (virtio_mem)"),
			 ONLINE_TYPE_ONLINE);
	/* kmem is daxctl's, unless a section says else, by owner or by range. */
	assert_int_equal(word_of(sections, 40, 1, "System RAM (kmem)"), ONLINE_TYPE_NONE);
	assert_int_equal(word_of(sections, 33, 0, "System RAM (kmem)"),
			 ONLINE_TYPE_ONLINE_MOVABLE);
	assert_int_equal(word_of("[owner System RAM (kmem)]\npolicy = online_kernel\n",
				 40, 0, "System RAM (kmem)"),
			 ONLINE_TYPE_ONLINE_KERNEL);
}

/* --- who is asked by name, and what others did */

static enum online_type by_name(enum config_policy asked)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct block block = { .index = 32,
			       .state = BLOCK_OFFLINE,
			       .marks = BLOCK_MARK_WAS_ONLINE };
	struct policy policy;
	struct config config;
	enum online_type word;

	config_defaults(&config);
	config.policy = asked;
	snapshot.block_size_bytes = BLOCK_SIZE;
	assert_int_equal(snapshot_add_block(&snapshot, &block), 0);
	assert_int_equal(policy_begin(&policy, &config, &snapshot), 0);
	word = policy_word(&policy, snapshot.blocks);
	policy_end(&policy);
	snapshot_free(&snapshot);
	return word;
}

static void by_name_the_policy_s_zone_or_any(void **state)
{
	(void)state;
	assert_int_equal(by_name(CONFIG_POLICY_ONLINE_MOVABLE),
			 ONLINE_TYPE_ONLINE_MOVABLE);
	assert_int_equal(by_name(CONFIG_POLICY_KEEP), ONLINE_TYPE_ONLINE);
}

static bool differs(enum config_policy policy_word, enum block_zone zone, uint8_t marks)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct block block = { .index = 32,
			       .state = BLOCK_ONLINE,
			       .marks = marks,
			       .zones = { (uint8_t)zone },
			       .zone_count = zone != BLOCK_ZONE_UNKNOWN };
	struct policy policy;
	struct config config;
	enum online_type word;
	bool answer;

	config_defaults(&config);
	config.policy = policy_word;
	snapshot.block_size_bytes = BLOCK_SIZE;
	assert_int_equal(snapshot_add_block(&snapshot, &block), 0);
	assert_int_equal(policy_begin(&policy, &config, &snapshot), 0);
	answer = policy_zone_differs(&policy, snapshot.blocks, &word);
	policy_end(&policy);
	snapshot_free(&snapshot);
	return answer;
}

static void only_hot_added_memory_is_in_a_wrong_zone(void **state)
{
	(void)state;
	assert_false(differs(CONFIG_POLICY_ONLINE_MOVABLE, BLOCK_ZONE_NORMAL, 0));
	assert_false(differs(CONFIG_POLICY_ONLINE_MOVABLE, BLOCK_ZONE_UNKNOWN,
			     BLOCK_MARK_ADDED));
	assert_false(differs(CONFIG_POLICY_RATIO, BLOCK_ZONE_NORMAL, BLOCK_MARK_ADDED));
	assert_false(differs(CONFIG_POLICY_ONLINE, BLOCK_ZONE_NORMAL, BLOCK_MARK_ADDED));
	assert_false(differs(CONFIG_POLICY_KEEP, BLOCK_ZONE_NORMAL, BLOCK_MARK_ADDED));
	assert_true(differs(CONFIG_POLICY_ONLINE_MOVABLE, BLOCK_ZONE_NORMAL,
			    BLOCK_MARK_ADDED));
	assert_true(differs(CONFIG_POLICY_ONLINE_KERNEL, BLOCK_ZONE_MOVABLE,
			    BLOCK_MARK_ADDED));
}

/* --- the executor */

static struct executor_values kernel_6_1(const char *auto_online)
{
	struct executor_values found = { { "", "contig-zones", "301", "Y" } };

	snprintf(found.value[INTENT_AUTO_ONLINE], sizeof(found.value[0]), "%s",
		 auto_online);
	return found;
}

static struct executor executor_of(const char *text, struct executor_values found,
				   bool refused)
{
	const struct machine machine = { .is_virtual = true };
	char error[CONFIG_ERROR_SIZE];
	struct config config;
	struct executor executor;

	if (config_parse(&config, "test", text, strlen(text), error) < 0)
		fail_msg("%s", error);
	executor_decide(&executor, &config, &machine, &found, refused);
	return executor;
}

static void an_administrator_s_word_is_not_touched(void **state)
{
	struct machine machines[] = { { .memhp_default_state = true },
				      { .auto_online_changed = true } };
	struct executor_values found = kernel_6_1("online");
	struct config config;
	struct executor executor;
	size_t i;

	(void)state;
	config_defaults(&config);
	config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	for (i = 0; i < 2; i++) {
		executor_decide(&executor, &config, &machines[i], &found, false);
		assert_int_equal(executor.who, EXECUTOR_NOBODY);
		assert_string_equal(executor.wanted.value[INTENT_AUTO_ONLINE], "");
	}
}

static void a_distribution_s_default_gives_way_where_it_differs(void **state)
{
	struct executor executor = executor_of("[memonlined]\npolicy = online\n",
					       kernel_6_1("online"), false);

	(void)state;
	assert_int_equal(executor.who, EXECUTOR_KERNEL);
	assert_string_equal(executor.wanted.value[INTENT_AUTO_ONLINE], "");
	executor = executor_of("[memonlined]\npolicy = online_movable\n",
			       kernel_6_1("online"), false);
	assert_int_equal(executor.who, EXECUTOR_AGENT);
	assert_string_equal(executor.wanted.value[INTENT_AUTO_ONLINE], "offline");
	assert_int_equal(executor.withheld, ONLINE_TYPE_ONLINE);
	/* One policy here, another one there: that is more than the kernel has. */
	executor = executor_of("[memonlined]\npolicy = online\n[node 1]\npolicy = keep\n",
			       kernel_6_1("online"), false);
	assert_string_equal(executor.wanted.value[INTENT_AUTO_ONLINE], "offline");
	executor =
		executor_of("[memonlined]\npolicy = keep\n", kernel_6_1("online"), false);
	assert_int_equal(executor.who, EXECUTOR_NOBODY);
	assert_string_equal(executor.wanted.value[INTENT_AUTO_ONLINE], "");
	assert_int_equal(executor.withheld, ONLINE_TYPE_NONE);
	executor = executor_of("", kernel_6_1("offline"), false);
	assert_int_equal(executor.who, EXECUTOR_AGENT);
	assert_int_equal(executor.withheld, ONLINE_TYPE_NONE);
	assert_string_equal(executor.wanted.value[INTENT_AUTO_ONLINE], "");
}

static void the_kernel_is_asked_for_what_it_can(void **state)
{
	const char ratio[] = "[memonlined]\npolicy = ratio\nmovable-ratio = 100\n"
			     "ratio-per-node = no\ncarry-out = kernel\n";
	struct executor_values old = { { "offline", "", "", "" } };
	struct executor executor = executor_of(ratio, kernel_6_1("offline"), false);

	(void)state;
	assert_int_equal(executor.who, EXECUTOR_KERNEL);
	assert_string_equal(executor.wanted.value[INTENT_AUTO_ONLINE], "online");
	assert_string_equal(executor.wanted.value[INTENT_ONLINE_POLICY], "auto-movable");
	assert_string_equal(executor.wanted.value[INTENT_MOVABLE_RATIO], "100");
	assert_string_equal(executor.wanted.value[INTENT_NUMA_AWARE], "N");
	executor = executor_of(ratio, old, false);
	assert_int_equal(executor.who, EXECUTOR_AGENT);
	assert_true(executor.kernel_cannot);
	executor =
		executor_of("[memonlined]\npolicy = online_movable\ncarry-out = kernel\n",
			    old, false);
	assert_int_equal(executor.who, EXECUTOR_KERNEL);
	assert_string_equal(executor.wanted.value[INTENT_AUTO_ONLINE], "online_movable");
	executor = executor_of(
		"[memonlined]\npolicy = online_kernel\ncarry-out = kernel\n", old, false);
	assert_string_equal(executor.wanted.value[INTENT_AUTO_ONLINE], "online_kernel");
	executor = executor_of(
		"[memonlined]\npolicy = online_movable\ncarry-out = auto\n", old, true);
	assert_int_equal(executor.who, EXECUTOR_AGENT);
	assert_false(executor.kernel_cannot);
	executor = executor_of("[memonlined]\npolicy = online\ncarry-out = kernel\n"
			       "[range 0x100000000+1G]\npolicy = online_movable\n",
			       kernel_6_1("offline"), false);
	assert_int_equal(executor.who, EXECUTOR_AGENT);
	assert_true(executor.kernel_cannot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_as_the_table_says),
		cmocka_unit_test(the_table_is_the_manual_page_s),
		cmocka_unit_test(the_closest_section_decides),
		cmocka_unit_test(by_name_the_policy_s_zone_or_any),
		cmocka_unit_test(only_hot_added_memory_is_in_a_wrong_zone),
		cmocka_unit_test(an_administrator_s_word_is_not_touched),
		cmocka_unit_test(a_distribution_s_default_gives_way_where_it_differs),
		cmocka_unit_test(the_kernel_is_asked_for_what_it_can),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
