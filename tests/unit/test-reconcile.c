/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/reconcile.h"
#include "core/text.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define UNIT (128 * MIB)

struct guest {
	struct snapshot snapshot;
	struct kernel_log log;
	struct reconcile_facts facts;
};

static void setup(struct guest *guest)
{
	memset(guest, 0, sizeof(*guest));
	guest->snapshot.block_size_bytes = UNIT;
	guest->facts.snapshot = &guest->snapshot;
	guest->facts.log = &guest->log;
	guest->facts.free_bytes = guest->facts.memory_limit = UINT64_MAX;
}

static struct block *put_block(struct guest *guest, uint64_t index,
			       enum block_state state, enum block_zone zone,
			       enum reason reason)
{
	struct block block;

	memset(&block, 0, sizeof(block));
	block.index = index;
	block.state = (uint8_t)state;
	block.reason = (uint8_t)reason;
	block.zone_count = zone ? 1 : 0;
	block.zones[0] = (uint8_t)zone;
	assert_int_equal(snapshot_add_block(&guest->snapshot, &block), 0);
	return &guest->snapshot.blocks[guest->snapshot.count - 1];
}

static void put_online(struct guest *guest, uint64_t first, uint64_t count,
		       enum block_zone zone)
{
	uint64_t i;

	for (i = 0; i < count; i++)
		put_block(guest, first + i, BLOCK_ONLINE, zone, REASON_POLICY);
}

static struct device device(const char *type, uint64_t start, uint64_t size)
{
	struct device made;

	memset(&made, 0, sizeof(made));
	snprintf(made.type, sizeof(made.type), "%s", type);
	made.slot = made.node = -1;
	made.start = start;
	made.size = made.requested = made.span = size;
	made.has_range = true;
	return made;
}

/* state cause online(MiB) node removable [state reason MiB]… [remark]… */
static char *judged(const struct guest *guest, const struct device *device)
{
	static char line[512];
	struct reconcile_verdict verdict;
	struct text out = TEXT_INIT;
	size_t i;

	reconcile_device(&guest->facts, device, &verdict);
	text_printf(&out, "%s %s %" PRIu64 " node %d %s",
		    reconcile_state_text(verdict.state), reason_text(verdict.cause),
		    verdict.online / MIB, verdict.node,
		    reconcile_removable_text(verdict.removable));
	for (i = 0; i < verdict.missing_count; i++)
		text_printf(&out, ", %s %s %" PRIu64,
			    block_state_word(verdict.missing[i].state),
			    reason_text(verdict.missing[i].reason),
			    verdict.missing[i].size / MIB);
	for (i = 0; i < verdict.remark_count; i++)
		text_printf(&out, ", %s", reason_text(verdict.remarks[i]));
	if (verdict.log)
		text_printf(&out, ", '%s'", verdict.log);
	snprintf(line, sizeof(line), "%s", out.data);
	text_free(&out);
	return line;
}

#define EXPECT(guest, device, expected) \
	assert_string_equal(judged(guest, &(device)), expected)

static void put_failure(struct guest *guest, int slot, enum reason reason, uint64_t start)
{
	struct kernel_log_failure *failure = &guest->log.failures[guest->log.count++];

	memset(failure, 0, sizeof(*failure));
	failure->instance = failure->slot = slot;
	failure->reason = reason;
	failure->has_start = start != 0;
	failure->start = start;
	snprintf(failure->line, sizeof(failure->line), "line %zu", guest->log.count);
}

static void tells_why_a_device_is_absent(void **state)
{
	struct device dimm = device("dimm", 4 * GIB, GIB);
	struct device odd = device("dimm", 5 * GIB, 100 * MIB);
	struct device none = device("hv-balloon", 0, 0);
	struct guest guest;

	(void)state;
	setup(&guest);
	put_online(&guest, 0, 8, BLOCK_ZONE_DMA32);
	dimm.slot = 2;
	none.has_range = false;
	EXPECT(&guest, dimm, "absent not-added 0 node -1 unknown, absent not-added 1024");
	EXPECT(&guest, none, "absent not-ram 0 node -1 unknown, absent not-ram 0");
	EXPECT(&guest, odd, "absent unaligned 0 node -1 unknown, absent unaligned 100");
	guest.facts.free_bytes = 16 * MIB;
	EXPECT(&guest, dimm, "absent not-added 0 node -1 unknown, absent not-added 1024");
	guest.facts.free_bytes = 16 * MIB - 1;
	EXPECT(&guest, dimm,
	       "absent memory-short 0 node -1 unknown, absent memory-short 1024");
	guest.facts.free_bytes = UINT64_MAX;
	/* another slot's failure, then one of nobody knows which, then its own */
	put_failure(&guest, 3, REASON_MEMORY_SHORT, 0);
	EXPECT(&guest, dimm, "absent not-added 0 node -1 unknown, absent not-added 1024");
	put_failure(&guest, -1, REASON_ADD_FAILED, 0);
	EXPECT(&guest, dimm,
	       "absent add-failed 0 node -1 unknown, absent add-failed 1024, 'line 2'");
	put_failure(&guest, 2, REASON_MEMORY_SHORT, 0);
	EXPECT(&guest, dimm,
	       "absent memory-short 0 node -1 unknown, absent memory-short 1024, 'line 3'");
	/* an address says more than a slot, which may have held another one */
	put_failure(&guest, 2, REASON_UNALIGNED, 5 * GIB);
	EXPECT(&guest, dimm,
	       "absent memory-short 0 node -1 unknown, absent memory-short 1024, 'line 3'");
	EXPECT(&guest, odd,
	       "absent unaligned 0 node -1 unknown, absent unaligned 100, 'line 4'");
	guest.snapshot.machine.kernel.has[KERNEL_NO_HOT_REMOVE] = true;
	guest.log.count = 0;
	EXPECT(&guest, dimm, "absent not-added 0 node -1 never, absent not-added 1024");
	snapshot_free(&guest.snapshot);
}

static void survives_what_a_host_may_say(void **state)
{
	struct device wraps = device("dimm", UINT64_MAX - 5, UINT64_MAX);
	struct device all = device("dimm", 0, UINT64_MAX);
	struct device empty = device("dimm", 4 * GIB, 0);
	struct guest guest;

	(void)state;
	setup(&guest);
	EXPECT(&guest, all,
	       "absent unaligned 0 node -1 unknown, absent unaligned 17592186044415");
	put_online(&guest, 32, 1, BLOCK_ZONE_MOVABLE);
	put_online(&guest, UINT64_MAX / UNIT, 1, BLOCK_ZONE_MOVABLE);
	EXPECT(&guest, wraps,
	       "absent unaligned 0 node -1 unknown, absent unaligned 17592186044415");
	EXPECT(&guest, all,
	       "partial unaligned 128 node 0 yes, absent unaligned 17592186044287");
	EXPECT(&guest, empty, "complete none 0 node -1 unknown");
	guest.snapshot.block_size_bytes = 0;
	EXPECT(&guest, all,
	       "absent not-added 0 node -1 unknown, absent not-added 17592186044415");
	snapshot_free(&guest.snapshot);
}

static void tells_what_is_not_online(void **state)
{
	struct device dimm = device("dimm", 4 * GIB, 8 * UNIT);
	struct guest guest;

	(void)state;
	setup(&guest);
	put_online(&guest, 32, 3, BLOCK_ZONE_MOVABLE);
	put_block(&guest, 35, BLOCK_OFFLINE, BLOCK_ZONE_MOVABLE, REASON_REFUSED);
	put_block(&guest, 36, BLOCK_OFFLINE, BLOCK_ZONE_NORMAL,
		  REASON_OFFLINED_ELSEWHERE);
	put_block(&guest, 37, BLOCK_OFFLINE, BLOCK_ZONE_NORMAL, REASON_REFUSED);
	put_block(&guest, 38, BLOCK_ABSENT, BLOCK_ZONE_UNKNOWN, REASON_NONE);
	EXPECT(&guest, dimm,
	       "partial refused 384 node 0 yes, offline refused 256, "
	       "offline offlined-elsewhere 128, absent not-added 256");
	guest.snapshot.blocks[1].state = BLOCK_GOING_OFFLINE;
	guest.snapshot.blocks[1].reason = REASON_GOING_OFFLINE;
	guest.snapshot.blocks[1].node = 1;
	EXPECT(&guest, dimm,
	       "partial going-offline 256 node -1 yes, going-offline going-offline 128, "
	       "offline refused 256, offline offlined-elsewhere 128, absent not-added 256");
	snapshot_free(&guest.snapshot);
}

/* The list is limited: further parts are added to its last entry. */
static void bounds_what_it_tells(void **state)
{
	struct device dimm = device("dimm", 4 * GIB, 12 * UNIT);
	struct reconcile_verdict verdict;
	struct guest guest;
	int i;

	(void)state;
	setup(&guest);
	for (i = 0; i < 12; i++)
		put_block(&guest, 32 + (uint64_t)i, BLOCK_OFFLINE, BLOCK_ZONE_NORMAL,
			  (enum reason)i);
	reconcile_device(&guest.facts, &dimm, &verdict);
	assert_int_equal(verdict.missing_count, RECONCILE_MISSING_MAX);
	assert_int_equal(verdict.missing[RECONCILE_MISSING_MAX - 1].size, 5 * UNIT);
	snapshot_free(&guest.snapshot);
}

static void knows_what_may_be_removed(void **state)
{
	struct device dimm = device("dimm", 4 * GIB, 2 * UNIT);
	struct guest guest;

	(void)state;
	setup(&guest);
	put_online(&guest, 32, 1, BLOCK_ZONE_MOVABLE);
	put_online(&guest, 33, 1, BLOCK_ZONE_MOVABLE);
	EXPECT(&guest, dimm, "complete none 256 node 0 yes");
	guest.snapshot.machine.kernel.has[KERNEL_NO_HOT_REMOVE] = true;
	EXPECT(&guest, dimm, "complete none 256 node 0 never");
	guest.snapshot.machine.kernel.has[KERNEL_NO_HOT_REMOVE] = false;
	guest.snapshot.blocks[0].zone_count = 0;
	EXPECT(&guest, dimm, "complete none 256 node 0 unknown");
	guest.snapshot.blocks[1].zones[0] = BLOCK_ZONE_NORMAL;
	EXPECT(&guest, dimm, "complete none 256 node 0 no");
	/* the zones that an offline block could go to hold nothing */
	guest.snapshot.blocks[0].state = guest.snapshot.blocks[1].state = BLOCK_OFFLINE;
	EXPECT(&guest, dimm, "partial policy 0 node 0 yes, offline policy 256");
	snapshot_free(&guest.snapshot);
}

/* Two DIMMs of 192 MiB share block 33: /proc/iomem says whose bytes are there. */
static void shares_a_block(void **state)
{
	struct device low = device("dimm", 4 * GIB, 192 * MIB);
	struct device high = device("dimm", 4 * GIB + 192 * MIB, 192 * MIB);
	struct guest guest;

	(void)state;
	setup(&guest);
	put_online(&guest, 32, 2, BLOCK_ZONE_NORMAL);
	EXPECT(&guest, low, "complete none 192 node 0 no");
	EXPECT(&guest, high, "partial unaligned 64 node 0 no, absent unaligned 128");
	snapshot_add_resource(&guest.snapshot, 0, GIB, "System RAM");
	snapshot_add_resource(&guest.snapshot, 4 * GIB, 192 * MIB, "System RAM");
	EXPECT(&guest, low, "complete none 192 node 0 no");
	EXPECT(&guest, high, "absent unaligned 0 node -1 unknown, absent unaligned 192");
	put_online(&guest, 34, 1, BLOCK_ZONE_NORMAL);
	snapshot_add_resource(&guest.snapshot, 4 * GIB + 192 * MIB, 192 * MIB,
			      "System RAM");
	EXPECT(&guest, low, "complete none 192 node 0 no");
	EXPECT(&guest, high, "complete none 192 node 0 no");
	snapshot_free(&guest.snapshot);
}

static void knows_other_devices(void **state)
{
	struct device nvdimm = device("nvdimm", 8 * GIB, GIB);
	struct device virtio = device("virtio-mem", 4 * GIB, 3 * UNIT / 2);
	struct guest guest;

	(void)state;
	setup(&guest);
	EXPECT(&guest, nvdimm, "absent not-ram 0 node -1 unknown, absent not-ram 1024");
	virtio.span = 8 * UNIT;
	EXPECT(&guest, virtio,
	       "absent not-added 0 node -1 unknown, absent not-added 192");
	/* it lies anywhere in its span, in parts of blocks */
	put_online(&guest, 33, 1, BLOCK_ZONE_MOVABLE);
	EXPECT(&guest, virtio, "partial not-added 128 node 0 yes, absent not-added 64");
	put_online(&guest, 38, 1, BLOCK_ZONE_MOVABLE);
	EXPECT(&guest, virtio, "complete none 192 node 0 yes");
	virtio.size = virtio.requested = 0;
	EXPECT(&guest, virtio, "complete none 0 node 0 yes");
	snapshot_free(&guest.snapshot);
}

/* What its driver has plugged is one thing, what the host wants plugged another one. */
static void holds_virtio_mem_against_the_request(void **state)
{
	struct device virtio = device("virtio-mem", 4 * GIB, 0);
	struct guest guest;

	(void)state;
	setup(&guest);
	virtio.span = 2 * GIB;
	virtio.requested = GIB;
	EXPECT(&guest, virtio,
	       "absent not-added 0 node -1 unknown, absent not-added 1024");
	guest.facts.memory_limit = 4 * GIB;
	EXPECT(&guest, virtio,
	       "absent memory-limit 0 node -1 unknown, absent memory-limit 1024");
	guest.facts.free_bytes = 16 * MIB - 1;
	EXPECT(&guest, virtio,
	       "absent memory-short 0 node -1 unknown, absent memory-short 1024");
	guest.facts.no_virtio_mem = true;
	EXPECT(&guest, virtio,
	       "absent no-driver 0 node -1 unknown, absent no-driver 1024");
	setup(&guest);
	/* a half of it is online, all that is plugged */
	put_online(&guest, 32, 4, BLOCK_ZONE_MOVABLE);
	virtio.size = 512 * MIB;
	EXPECT(&guest, virtio, "partial not-added 512 node 0 yes, absent not-added 512");
	/* a part of a block: the whole block is online, and that is not what was asked for */
	virtio.size = 448 * MIB;
	virtio.requested = 512 * MIB;
	EXPECT(&guest, virtio, "partial unaligned 448 node 0 yes, absent unaligned 64");
	guest.snapshot.blocks[3].state = BLOCK_OFFLINE;
	EXPECT(&guest, virtio,
	       "partial policy 384 node 0 yes, offline policy 128, absent unaligned 64");
	/* the host wants some back */
	guest.snapshot.blocks[3].state = BLOCK_ONLINE;
	virtio.size = 512 * MIB;
	virtio.requested = 0;
	EXPECT(&guest, virtio, "complete none 512 node 0 yes, not-given-back");
	snapshot_free(&guest.snapshot);
}

static void remarks_on_another_node(void **state)
{
	struct device dimm = device("dimm", 4 * GIB, 2 * UNIT);
	struct guest guest;

	(void)state;
	setup(&guest);
	put_online(&guest, 32, 2, BLOCK_ZONE_MOVABLE);
	EXPECT(&guest, dimm, "complete none 256 node 0 yes");
	dimm.node = 0;
	EXPECT(&guest, dimm, "complete none 256 node 0 yes");
	dimm.node = 1;
	EXPECT(&guest, dimm, "complete none 256 node 0 yes, node-differs");
	guest.snapshot.blocks[0].node = 1;
	EXPECT(&guest, dimm, "complete none 256 node -1 yes, node-differs");
	guest.snapshot.blocks[1].node = 1;
	EXPECT(&guest, dimm, "complete none 256 node 1 yes");
	/* a kernel without nodes */
	guest.snapshot.blocks[0].node = guest.snapshot.blocks[1].node =
		BLOCK_NODE_UNKNOWN;
	EXPECT(&guest, dimm, "complete none 256 node -1 yes");
	snapshot_free(&guest.snapshot);
}

static void names_the_end_of_memory(void **state)
{
	struct device dimm = device("dimm", 4 * GIB, GIB);
	struct guest guest;

	(void)state;
	setup(&guest);
	guest.facts.memory_limit = 5 * GIB;
	EXPECT(&guest, dimm, "absent not-added 0 node -1 unknown, absent not-added 1024");
	guest.facts.memory_limit--;
	EXPECT(&guest, dimm,
	       "absent memory-limit 0 node -1 unknown, absent memory-limit 1024");
	/* the kernel's line says only that it failed */
	put_failure(&guest, -1, REASON_ADD_FAILED, 0);
	EXPECT(&guest, dimm,
	       "absent memory-limit 0 node -1 unknown, absent memory-limit 1024, 'line 1'");
	put_failure(&guest, -1, REASON_MEMORY_SHORT, 0);
	EXPECT(&guest, dimm,
	       "absent memory-short 0 node -1 unknown, absent memory-short 1024, 'line 2'");
	/* it came later */
	put_online(&guest, 32, 8, BLOCK_ZONE_MOVABLE);
	EXPECT(&guest, dimm, "complete none 1024 node 0 yes");
	snapshot_free(&guest.snapshot);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_why_a_device_is_absent),
		cmocka_unit_test(survives_what_a_host_may_say),
		cmocka_unit_test(tells_what_is_not_online),
		cmocka_unit_test(bounds_what_it_tells),
		cmocka_unit_test(knows_what_may_be_removed),
		cmocka_unit_test(shares_a_block),
		cmocka_unit_test(knows_other_devices),
		cmocka_unit_test(holds_virtio_mem_against_the_request),
		cmocka_unit_test(remarks_on_another_node),
		cmocka_unit_test(names_the_end_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
