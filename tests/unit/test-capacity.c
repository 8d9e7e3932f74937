/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "core/capacity.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define BLOCK (128 * MIB)

/* A domain of 1 GiB at boot that may have 64 GiB, and its devices. */
struct domain {
	struct capacity capacity;
	struct capacity_device devices[8];
};

static void begin(struct domain *domain)
{
	memset(domain, 0, sizeof(*domain));
	domain->capacity.memory = domain->capacity.current = GIB;
	domain->capacity.max = 64 * GIB;
	domain->capacity.slots = 4;
	domain->capacity.cells = 2;
	domain->capacity.devices = domain->devices;
	domain->capacity.block = BLOCK;
	domain->capacity.guest_free = domain->capacity.host_free = CAPACITY_UNKNOWN;
}

static struct capacity_device *add(struct domain *domain, const char *alias,
				   enum capacity_model model, uint64_t base,
				   uint64_t size)
{
	struct capacity_device *device = &domain->devices[domain->capacity.count++];

	snprintf(device->alias, sizeof(device->alias), "%s", alias);
	strcpy(device->cause, "none");
	device->model = model;
	device->base = base;
	device->size = device->requested = device->current = device->online = size;
	device->slot = (int32_t)domain->capacity.count;
	device->verdict = CAPACITY_COMPLETE;
	device->removable = CAPACITY_REMOVABLE_YES;
	domain->capacity.memory += size;
	domain->capacity.current += size;
	return device;
}

static struct capacity_device *add_vmem(struct domain *domain, const char *alias,
					uint64_t size, uint64_t requested)
{
	struct capacity_device *device =
		add(domain, alias, CAPACITY_VIRTIO_MEM, CAPACITY_UNKNOWN, size);

	domain->capacity.current -= size - requested;
	device->requested = device->current = device->online = requested;
	device->block = 2 * MIB;
	return device;
}

static struct capacity_wish wish(uint64_t size)
{
	struct capacity_wish made;

	memset(&made, 0, sizeof(made));
	made.size = size;
	made.node = -1;
	return made;
}

static void refuses_plug(const struct domain *domain, const struct capacity_wish *wanted,
			 enum capacity_reason reason, uint64_t possible)
{
	struct capacity_plan plan;

	memset(&plan, 0x5a, sizeof(plan));
	assert_int_equal(capacity_plug(&domain->capacity, wanted, &plan), reason);
	assert_int_equal(plan.count, 0);
	assert_int_equal(plan.bytes, 0);
	assert_int_equal(plan.possible, possible);
}

static void refuses_unplug(const struct domain *domain,
			   const struct capacity_wish *wanted,
			   enum capacity_reason reason, uint64_t possible)
{
	struct capacity_plan plan;

	memset(&plan, 0x5a, sizeof(plan));
	assert_int_equal(capacity_unplug(&domain->capacity, wanted, &plan), reason);
	assert_int_equal(plan.count, 0);
	assert_int_equal(plan.bytes, 0);
	assert_int_equal(plan.possible, possible);
}

/* --- plug */

static void plug_needs_a_domain_that_can_take_it(void **state)
{
	struct domain domain;
	struct capacity_wish wanted = wish(GIB);

	(void)state;
	begin(&domain);
	wanted.size = 0;
	refuses_plug(&domain, &wanted, CAPACITY_NO_SIZE, CAPACITY_UNKNOWN);
	wanted.size = GIB;
	domain.capacity.max = 0;
	refuses_plug(&domain, &wanted, CAPACITY_NO_MAXIMUM, CAPACITY_UNKNOWN);
	domain.capacity.max = 64 * GIB;
	domain.capacity.cells = 0;
	refuses_plug(&domain, &wanted, CAPACITY_NO_CELLS, CAPACITY_UNKNOWN);
	domain.capacity.cells = 2;
	wanted.node = 2;
	refuses_plug(&domain, &wanted, CAPACITY_NO_SUCH_NODE, CAPACITY_UNKNOWN);
	wanted.node = 1;
	domain.capacity.block = 0;
	refuses_plug(&domain, &wanted, CAPACITY_NO_BLOCK_SIZE, CAPACITY_UNKNOWN);
}

static void plug_refuses_what_the_guest_would_drop(void **state)
{
	struct domain domain;
	struct capacity_wish wanted = wish(100 * MIB);

	(void)state;
	begin(&domain);
	refuses_plug(&domain, &wanted, CAPACITY_UNALIGNED, CAPACITY_UNKNOWN);
	wanted.size = GIB;
	wanted.dimm = 192 * MIB;
	refuses_plug(&domain, &wanted, CAPACITY_UNALIGNED, CAPACITY_UNKNOWN);
	wanted.dimm = 0;
	add(&domain, "odd", CAPACITY_DIMM, 4 * GIB, 100 * MIB);
	refuses_plug(&domain, &wanted, CAPACITY_CROOKED, CAPACITY_UNKNOWN);
}

static void plug_says_how_much_would_go(void **state)
{
	struct domain domain;
	struct capacity_wish wanted = wish(64 * GIB);

	(void)state;
	begin(&domain);
	refuses_plug(&domain, &wanted, CAPACITY_BEYOND_MAXIMUM, 63 * GIB);
	wanted.size = 5 * GIB;
	wanted.dimm = GIB;
	refuses_plug(&domain, &wanted, CAPACITY_NO_SLOT, 4 * GIB);
	domain.capacity.guest_free = 65 * MIB;
	wanted.dimm = 0;
	refuses_plug(&domain, &wanted, CAPACITY_GUEST_SHORT, 4 * GIB);
	domain.capacity.guest_free = CAPACITY_UNKNOWN;
	domain.capacity.host_free = 2 * GIB + MIB;
	refuses_plug(&domain, &wanted, CAPACITY_HOST_SHORT, 2 * GIB);
}

static void plug_by_force_passes_over_short_memory_alone(void **state)
{
	struct domain domain;
	struct capacity_plan plan;
	struct capacity_wish wanted = wish(5 * GIB);

	(void)state;
	begin(&domain);
	domain.capacity.guest_free = domain.capacity.host_free = MIB;
	wanted.force = true;
	assert_int_equal(capacity_plug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	wanted.size = 100 * MIB;
	refuses_plug(&domain, &wanted, CAPACITY_UNALIGNED, CAPACITY_UNKNOWN);
}

static void plug_splits_into_dimms(void **state)
{
	struct domain domain;
	struct capacity_plan plan;
	struct capacity_wish wanted = wish(GIB + BLOCK);

	(void)state;
	begin(&domain);
	assert_int_equal(capacity_plug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.steps[0].size, GIB + BLOCK);
	assert_int_equal(plan.steps[0].node, 0);
	wanted.dimm = GIB / 2;
	wanted.node = 1;
	assert_int_equal(capacity_plug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	assert_int_equal(plan.count, 3);
	assert_int_equal(plan.bytes, GIB + BLOCK);
	assert_int_equal(plan.steps[2].size, BLOCK);
	assert_int_equal(plan.steps[2].node, 1);
	assert_int_equal(plan.steps[2].kind, CAPACITY_ATTACH);
}

static void plug_raises_what_virtio_mem_is_asked_for(void **state)
{
	struct domain domain;
	struct capacity_plan plan;
	struct capacity_wish wanted = wish(GIB);

	(void)state;
	begin(&domain);
	wanted.device = "ua-none";
	refuses_plug(&domain, &wanted, CAPACITY_NO_SUCH_DEVICE, CAPACITY_UNKNOWN);
	wanted.device = NULL;
	wanted.model = CAPACITY_VIRTIO_MEM;
	refuses_plug(&domain, &wanted, CAPACITY_NO_SUCH_DEVICE, CAPACITY_UNKNOWN);
	add_vmem(&domain, "small", GIB, GIB / 2);
	refuses_plug(&domain, &wanted, CAPACITY_DEVICE_FULL, GIB / 2);
	wanted.size = 3 * MIB;
	refuses_plug(&domain, &wanted, CAPACITY_UNALIGNED, CAPACITY_UNKNOWN);
	add_vmem(&domain, "large", 4 * GIB, GIB);
	wanted.size = GIB;
	wanted.model = CAPACITY_ANY;
	assert_int_equal(capacity_plug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.steps[0].kind, CAPACITY_RESIZE);
	assert_int_equal(plan.steps[0].device, 1);
	assert_int_equal(plan.steps[0].size, 2 * GIB);
	wanted.model = CAPACITY_DIMM;
	assert_int_equal(capacity_plug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	assert_int_equal(plan.steps[0].kind, CAPACITY_ATTACH);
}

/* --- unplug */

static void unplug_leaves_what_cannot_go(void **state)
{
	static const struct {
		enum capacity_removable removable;
		enum capacity_reason reason;
	} rows[] = {
		{ CAPACITY_REMOVABLE_NO, CAPACITY_KERNEL_ZONE },
		{ CAPACITY_REMOVABLE_NEVER, CAPACITY_NO_HOT_REMOVE },
		{ CAPACITY_REMOVABLE_UNKNOWN, CAPACITY_ZONE_UNKNOWN },
	};
	struct domain domain;
	struct capacity_wish by_size = wish(GIB), by_name = wish(0);
	struct capacity_device *device;
	size_t i;

	(void)state;
	begin(&domain);
	refuses_unplug(&domain, &by_size, CAPACITY_NOTHING_GIVEN, 0);
	device = add(&domain, "a", CAPACITY_DIMM, 4 * GIB, GIB);
	by_name.device = "a";
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		device->removable = rows[i].removable;
		refuses_unplug(&domain, &by_size, rows[i].reason, 0);
		refuses_unplug(&domain, &by_name, rows[i].reason, CAPACITY_UNKNOWN);
	}
	device->model = CAPACITY_OTHER;
	refuses_unplug(&domain, &by_name, CAPACITY_NOT_A_DIMM, CAPACITY_UNKNOWN);
	by_name.device = "b";
	refuses_unplug(&domain, &by_name, CAPACITY_NO_SUCH_DEVICE, CAPACITY_UNKNOWN);
}

/* A DIMM that the guest's kernel has never taken holds nothing. */
static void unplug_takes_what_was_never_taken(void **state)
{
	struct domain domain;
	struct capacity_plan plan;
	struct capacity_wish wanted = wish(GIB);
	struct capacity_device *device;

	(void)state;
	begin(&domain);
	device = add(&domain, "a", CAPACITY_DIMM, 4 * GIB, GIB);
	device->removable = CAPACITY_REMOVABLE_UNKNOWN;
	device->verdict = CAPACITY_ABSENT;
	assert_int_equal(capacity_unplug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	assert_int_equal(plan.count, 1);
}

static void unplug_takes_the_fewest_and_of_those_the_highest(void **state)
{
	static const struct {
		uint64_t size; /* GiB */
		size_t count;
		size_t devices[3];
	} rows[] = {
		{ 1, 1, { 4 } },    { 2, 1, { 1 } },	   { 3, 2, { 4, 1 } },
		{ 4, 2, { 3, 2 } }, { 5, 3, { 4, 3, 2 } },
	};
	struct domain domain;
	struct capacity_plan plan;
	size_t i, j;

	(void)state;
	begin(&domain);
	add(&domain, "1a", CAPACITY_DIMM, 4 * GIB, GIB);
	add(&domain, "2", CAPACITY_DIMM, 5 * GIB, 2 * GIB);
	add(&domain, "2.5", CAPACITY_DIMM, 7 * GIB, 2 * GIB + GIB / 2);
	add(&domain, "1.5", CAPACITY_DIMM, 10 * GIB, GIB + GIB / 2);
	add(&domain, "1b", CAPACITY_DIMM, 12 * GIB, GIB);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct capacity_wish wanted = wish(rows[i].size * GIB);

		assert_int_equal(capacity_unplug(&domain.capacity, &wanted, &plan),
				 CAPACITY_OK);
		assert_int_equal(plan.count, rows[i].count);
		assert_int_equal(plan.bytes, rows[i].size * GIB);
		for (j = 0; j < plan.count; j++)
			assert_int_equal(plan.steps[j].device, rows[i].devices[j]);
	}
}

static void unplug_never_takes_more_or_less_than_asked(void **state)
{
	struct domain domain;
	struct capacity_wish wanted = wish(3 * GIB);

	(void)state;
	begin(&domain);
	add(&domain, "a", CAPACITY_DIMM, 4 * GIB, 2 * GIB);
	add(&domain, "b", CAPACITY_DIMM, 6 * GIB, 4 * GIB);
	refuses_unplug(&domain, &wanted, CAPACITY_NO_SUCH_SUM, 2 * GIB);
	wanted.size = BLOCK;
	refuses_unplug(&domain, &wanted, CAPACITY_NO_SUCH_SUM, 0);
	wanted.size = UINT64_MAX / 2 + 1;
	domain.devices[0].size = 2 * MIB + 1;
	refuses_unplug(&domain, &wanted, CAPACITY_TOO_MANY, CAPACITY_UNKNOWN);
}

static void unplug_shrinks_virtio_mem(void **state)
{
	struct domain domain;
	struct capacity_plan plan;
	struct capacity_wish wanted = wish(2 * GIB);

	(void)state;
	begin(&domain);
	add_vmem(&domain, "v", 4 * GIB, GIB);
	refuses_unplug(&domain, &wanted, CAPACITY_NO_SUCH_SUM, GIB);
	wanted.size = 256 * MIB;
	assert_int_equal(capacity_unplug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	assert_int_equal(plan.steps[0].kind, CAPACITY_RESIZE);
	assert_int_equal(plan.steps[0].size, 768 * MIB);
	wanted.size = 0;
	wanted.device = "v";
	assert_int_equal(capacity_unplug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	assert_int_equal(plan.steps[0].size, 0);
}

/* By name or by model nothing else is touched. */
static void takes_dimms_where_virtio_mem_has_no_room(void **state)
{
	struct domain domain;
	struct capacity_plan plan;
	struct capacity_wish wanted = wish(2 * GIB);

	(void)state;
	begin(&domain);
	add_vmem(&domain, "v", GIB, 0);
	assert_int_equal(capacity_plug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	assert_int_equal(plan.steps[0].kind, CAPACITY_ATTACH);
	refuses_unplug(&domain, &wanted, CAPACITY_NO_SUCH_SUM, 0);
	add(&domain, "a", CAPACITY_DIMM, 4 * GIB, 2 * GIB);
	assert_int_equal(capacity_unplug(&domain.capacity, &wanted, &plan), CAPACITY_OK);
	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.steps[0].kind, CAPACITY_DETACH);
	wanted.model = CAPACITY_VIRTIO_MEM;
	refuses_plug(&domain, &wanted, CAPACITY_DEVICE_FULL, GIB);
	refuses_unplug(&domain, &wanted, CAPACITY_NO_SUCH_SUM, 0);
}

/* --- sums and verdicts */

static void counts_what_the_balloon_keeps(void **state)
{
	struct domain domain;

	(void)state;
	begin(&domain);
	assert_int_equal(capacity_ballooned(&domain.capacity), 0);
	add(&domain, "a", CAPACITY_DIMM, 4 * GIB, GIB);
	add_vmem(&domain, "v", 4 * GIB, GIB);
	assert_int_equal(capacity_ballooned(&domain.capacity), 0);
	domain.capacity.current -= 256 * MIB;
	assert_int_equal(capacity_ballooned(&domain.capacity), 256 * MIB);
	assert_int_equal(capacity_boot(&domain.capacity), GIB);
	assert_int_equal(capacity_given(&domain.capacity), 2 * GIB);
	assert_int_equal(capacity_free_slots(&domain.capacity), 3);
	domain.capacity.memory = 0; /* what libvirt cannot say */
	assert_int_equal(capacity_boot(&domain.capacity), 0);
	assert_int_equal(capacity_ballooned(&domain.capacity), 0);
}

static void a_verdict_is_that_of_the_worst(void **state)
{
	struct domain domain;
	const char *cause;
	struct capacity_device *device;

	(void)state;
	begin(&domain);
	assert_int_equal(capacity_verdict(&domain.capacity, &cause), CAPACITY_COMPLETE);
	assert_string_equal(cause, "none");
	add(&domain, "a", CAPACITY_DIMM, 4 * GIB, GIB);
	device = add(&domain, "b", CAPACITY_DIMM, 5 * GIB, GIB);
	device->verdict = CAPACITY_PARTIAL;
	strcpy(device->cause, "asked");
	assert_int_equal(capacity_verdict(&domain.capacity, &cause), CAPACITY_PARTIAL);
	assert_string_equal(cause, "asked");
	domain.devices[0].verdict = CAPACITY_NOT_TOLD;
	assert_int_equal(capacity_verdict(&domain.capacity, &cause), CAPACITY_NOT_TOLD);
	assert_string_equal(cause, "none");
}

static void progress_ends_where_the_kernel_has_refused(void **state)
{
	struct domain domain;
	struct capacity_device *device;

	(void)state;
	begin(&domain);
	device = add(&domain, "a", CAPACITY_DIMM, 4 * GIB, GIB);
	assert_int_equal(capacity_progress(device), CAPACITY_DONE);
	device->verdict = CAPACITY_NOT_TOLD;
	strcpy(device->cause, "unaligned");
	assert_int_equal(capacity_progress(device), CAPACITY_WAITING);
	device->verdict = CAPACITY_ABSENT;
	assert_int_equal(capacity_progress(device), CAPACITY_HOPELESS);
	strcpy(device->cause, "not-added");
	assert_int_equal(capacity_progress(device), CAPACITY_WAITING);
	device->model = CAPACITY_VIRTIO_MEM; /* its driver tries again */
	strcpy(device->cause, "memory-short");
	assert_int_equal(capacity_progress(device), CAPACITY_WAITING);
}

static void every_reason_has_its_words(void **state)
{
	int reason;

	(void)state;
	for (reason = CAPACITY_OK + 1; reason <= CAPACITY_TOO_MANY; reason++) {
		assert_non_null(capacity_reason_text((enum capacity_reason)reason));
		assert_true(*capacity_reason_help((enum capacity_reason)reason));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plug_needs_a_domain_that_can_take_it),
		cmocka_unit_test(plug_refuses_what_the_guest_would_drop),
		cmocka_unit_test(plug_says_how_much_would_go),
		cmocka_unit_test(plug_by_force_passes_over_short_memory_alone),
		cmocka_unit_test(plug_splits_into_dimms),
		cmocka_unit_test(plug_raises_what_virtio_mem_is_asked_for),
		cmocka_unit_test(unplug_leaves_what_cannot_go),
		cmocka_unit_test(unplug_takes_what_was_never_taken),
		cmocka_unit_test(unplug_takes_the_fewest_and_of_those_the_highest),
		cmocka_unit_test(unplug_never_takes_more_or_less_than_asked),
		cmocka_unit_test(unplug_shrinks_virtio_mem),
		cmocka_unit_test(takes_dimms_where_virtio_mem_has_no_room),
		cmocka_unit_test(counts_what_the_balloon_keeps),
		cmocka_unit_test(a_verdict_is_that_of_the_worst),
		cmocka_unit_test(progress_ends_where_the_kernel_has_refused),
		cmocka_unit_test(every_reason_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
