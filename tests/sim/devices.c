/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>

/*
 * Who makes and takes memory: drivers of DIMMs and of virtio-mem, the kernel's own onlining, and
 * the operator's hand. Each goes on step by step, under the hotplug lock.
 */
#define LOCK_USEC 5000 /* until the one who did not get it tries again */

static void unlock(void)
{
	kernel.locked = false;
}

/* false: somebody else has the lock, `fn` tries again. */
static bool lock(sim_task_fn fn, uint32_t a, uint32_t b)
{
	if (kernel.locked) {
		sim_later(LOCK_USEC, fn, a, b);
		return false;
	}
	kernel.locked = true;
	return true;
}

/* --- added */

static void make_block(unsigned index)
{
	struct sim_block *block = &kernel.blocks[index];
	struct sim_block fresh = { .present = true, .state = BLOCK_OFFLINE };

	fresh.has_state = sim.model != SIM_EL6;
	fresh.linked = sim.model == SIM_EL6;
	fresh.identity = ++kernel.identities;
	fresh.listed = block->listed;
	fresh.asked = block->asked;
	fresh.asked_off = block->asked_off;
	fresh.refuse = block->refuse;
	fresh.refuse_times = block->refuse_times;
	fresh.off_usec = sim.now_usec;
	fresh.zone = BLOCK_ZONE_NORMAL;
	if (sim.model == SIM_EL7 && index > SIM_FIRST_SLOT) {
		unsigned i;

		for (i = SIM_FIRST_SLOT; i < index; i++)
			if (kernel.blocks[i].present &&
			    kernel.blocks[i].zone == BLOCK_ZONE_MOVABLE)
				fresh.zone = BLOCK_ZONE_MOVABLE;
	}
	*block = fresh;
	sim_trace("kernel: memory%u is there", index);
	kernel_uevent(UEVENT_ADD, index);
}

static void link_block(uint32_t index, uint32_t unused)
{
	(void)unused;
	if (!kernel.blocks[index].present)
		return;
	kernel.blocks[index].linked = kernel.blocks[index].has_state = true;
	sim_trace("kernel: memory%u is whole", index);
}

static void online_by_itself(uint32_t index, uint32_t left)
{
	struct sim_block *block = &kernel.blocks[index];

	/* 2.6.32 gives up where somebody was faster. */
	if (!left || !block->present || block->state == BLOCK_ONLINE) {
		if (sim.model != SIM_EL6)
			unlock();
		return;
	}
	kernel_set(index, BLOCK_ONLINE, kernel_zone_for(index, kernel.auto_online));
	sim_later(200 + sim_draw(300), online_by_itself, index + 1, left - 1);
}

/* `first` of its blocks and those behind it. */
static void all_made(unsigned slot, unsigned first)
{
	unsigned base = slot_base(slot), i;

	for (i = 0; i < kernel.slots[slot].count; i++)
		if (!kernel.blocks[base + i].linked)
			link_block(base + i, 0);
	kernel.slots[slot].busy = false;
	if (sim.model == SIM_EL6 || (kernel.auto_online != ONLINE_TYPE_NONE &&
				     kernel.auto_online != ONLINE_TYPE_OFFLINE)) {
		if (sim.model == SIM_EL6)
			unlock();
		online_by_itself(base + first, kernel.slots[slot].count - first);
		return;
	}
	unlock();
}

static void remove_block(unsigned index)
{
	struct sim_block *block = &kernel.blocks[index];

	block->present = block->has_state = block->linked = false;
	block->state = BLOCK_ABSENT;
	block->zone = BLOCK_ZONE_UNKNOWN;
	block->wish = SIM_WISH_POLICY;
	oracle_excuse_block(index);
	sim_trace("kernel: memory%u is gone", index);
	kernel_uevent(UEVENT_REMOVE, index);
}

static void make_next(uint32_t slot, uint32_t made)
{
	unsigned base = slot_base(slot);

	if (made == kernel.slots[slot].count) {
		all_made(slot, 0);
		return;
	}
	/* No memory for the rest: what was made goes again. */
	if (made && sim_one_in(60)) {
		while (made--)
			remove_block(base + made);
		kernel.slots[slot].plugged = kernel.slots[slot].busy = false;
		unlock();
		return;
	}
	make_block(base + made);
	if (sim.model <= SIM_EL7)
		sim_later(sim_draw(400), link_block, base + made, 0);
	sim_later(20 + sim_draw(200), make_next, slot, made + 1);
}

static void add_dimm(uint32_t slot, uint32_t unused)
{
	(void)unused;
	if (!lock(add_dimm, slot, 0))
		return;
	kernel.slots[slot].plugged = true;
	make_next(slot, 0);
}

void device_add_whole(unsigned slot, unsigned count)
{
	unsigned i;

	if (kernel.slots[slot].plugged || kernel.locked)
		return;
	kernel.slots[slot].plugged = true;
	kernel.slots[slot].count = count;
	for (i = 0; i < count; i++) {
		make_block(slot_base(slot) + i);
		link_block(slot_base(slot) + i, 0);
	}
}

void device_plug(void)
{
	unsigned slot = sim_draw(SIM_VIRTIO_MEM);

	if (kernel.slots[slot].plugged || kernel.slots[slot].busy)
		return;
	kernel.slots[slot].busy = true;
	kernel.slots[slot].count = 1 + sim_draw(SIM_SLOT_BLOCKS);
	sim_later(100, add_dimm, slot, 0);
}

/* --- removed */

static void remove_all(uint32_t slot, uint32_t left)
{
	if (left) {
		remove_block(slot_base(slot) + left - 1);
		sim_later(30 + sim_draw(100), remove_all, slot, left - 1);
		return;
	}
	kernel.slots[slot].plugged = kernel.slots[slot].busy = false;
	unlock();
}

/* Those that the removal took offline come back; an operator's stay. */
static void roll_back(uint32_t slot, uint32_t taken)
{
	unsigned base = slot_base(slot), i;

	for (i = 0; i < kernel.slots[slot].count; i++)
		if (taken & (1u << i))
			kernel_set(base + i, BLOCK_ONLINE,
				   (enum block_zone)kernel.blocks[base + i].zone);
	kernel.slots[slot].busy = false;
	unlock();
}

static bool may_go(unsigned index)
{
	return kernel.blocks[index].zone == BLOCK_ZONE_MOVABLE ? !sim_one_in(12)
							       : sim_one_in(3);
}

/* `b`: the block's index in the DIMM, and above 16 bits which ones were taken offline. */
static void take_next(uint32_t slot, uint32_t b)
{
	unsigned at = b & 0xffff, taken = b >> 16, index = slot_base(slot) + at;
	struct sim_block *block = &kernel.blocks[index];

	if (at == kernel.slots[slot].count) {
		remove_all(slot, at);
		return;
	}
	if (block->state == BLOCK_ONLINE) {
		if (!may_go(index)) {
			roll_back(slot, taken);
			return;
		}
		kernel_set(index, BLOCK_OFFLINE, BLOCK_ZONE_UNKNOWN);
		block->wish = SIM_WISH_ANY;
		taken |= 1u << at;
	}
	sim_later(200 + sim_draw(2000), take_next, slot, (at + 1) | (taken << 16));
}

static void remove_dimm(uint32_t slot, uint32_t unused)
{
	(void)unused;
	if (lock(remove_dimm, slot, 0))
		take_next(slot, 0);
}

void device_remove_whole(unsigned slot)
{
	unsigned base = slot_base(slot), i;

	if (!kernel.slots[slot].plugged || kernel.locked)
		return;
	for (i = 0; i < kernel.slots[slot].count; i++)
		if (kernel.blocks[base + i].state == BLOCK_ONLINE)
			kernel_set(base + i, BLOCK_OFFLINE, BLOCK_ZONE_UNKNOWN);
	for (i = kernel.slots[slot].count; i--;)
		remove_block(base + i);
	kernel.slots[slot].plugged = false;
}

void device_unplug(void)
{
	unsigned slot = sim_draw(SIM_VIRTIO_MEM);

	if (sim.model == SIM_EL6 || !kernel.slots[slot].plugged ||
	    kernel.slots[slot].busy)
		return;
	kernel.slots[slot].busy = true;
	sim_later(100, remove_dimm, slot, 0);
}

/* --- virtio-mem: block by block, from the top down when it shrinks */

static void shrink_one(uint32_t index, uint32_t back)
{
	struct sim_block *block = &kernel.blocks[index];

	/* It gave up halfway, and brings it online again. */
	if (back && block->state == BLOCK_OFFLINE)
		kernel_set(index, BLOCK_ONLINE, (enum block_zone)block->zone);
	else if (!back)
		remove_block(index);
	kernel.slots[SIM_VIRTIO_MEM].busy = false;
	unlock();
}

static void change_size(uint32_t up, uint32_t unused)
{
	struct sim_slot *slot = &kernel.slots[SIM_VIRTIO_MEM];
	unsigned index = slot_base(SIM_VIRTIO_MEM);

	(void)unused;
	if (!lock(change_size, up, 0))
		return;
	slot->plugged = true;
	if (up) {
		make_block(index + slot->count);
		slot->count++;
		link_block(index + slot->count - 1, 0);
		all_made(SIM_VIRTIO_MEM, slot->count - 1);
		return;
	}
	index += slot->count - 1;
	if (kernel.blocks[index].state == BLOCK_ONLINE && !may_go(index)) {
		slot->busy = false;
		unlock();
		return;
	}
	if (kernel.blocks[index].state == BLOCK_ONLINE) {
		kernel_set(index, BLOCK_OFFLINE, BLOCK_ZONE_UNKNOWN);
		kernel.blocks[index].wish = SIM_WISH_ANY;
		if (sim_one_in(4)) {
			sim_later(500 + sim_draw(5000), shrink_one, index, 1);
			return;
		}
	}
	slot->count--;
	sim_later(200 + sim_draw(1000), shrink_one, index, 0);
}

void device_grow(void)
{
	struct sim_slot *slot = &kernel.slots[SIM_VIRTIO_MEM];
	bool up = slot->count == 0 || (slot->count < SIM_SLOT_BLOCKS && !sim_one_in(3));

	/* Its driver came with 5.8. */
	if (sim.model < SIM_5_14 || slot->busy)
		return;
	slot->busy = true;
	sim_later(100, change_size, up, 0);
}

/* --- the operator */

static void operator_over(uint32_t index, uint32_t going)
{
	struct sim_block *block = &kernel.blocks[index];

	unlock();
	if (!block->present)
		return;
	if (!going) {
		block->state = BLOCK_ONLINE;
		sim_trace("operator: memory%u does not go", index);
		return;
	}
	kernel_set(index, BLOCK_OFFLINE, BLOCK_ZONE_UNKNOWN);
	block->wish = block->seen_online ? SIM_WISH_OFF : SIM_WISH_ANY;
	sim_trace("operator: memory%u is off%s", index,
		  block->seen_online ? "" : " (unseen)");
}

static void operator_writes(uint32_t index, uint32_t word)
{
	struct sim_block *block = &kernel.blocks[index];

	if (!lock(operator_writes, index, word))
		return;
	unlock();
	if (!block->present || !block->linked)
		return;
	if (word != ONLINE_TYPE_OFFLINE) {
		enum block_zone zone = kernel_zone_for(index, (enum online_type)word);

		if (block->state == BLOCK_OFFLINE && zone != BLOCK_ZONE_UNKNOWN)
			kernel_set(index, BLOCK_ONLINE, zone);
		return;
	}
	if (sim.model == SIM_EL6 || block->state != BLOCK_ONLINE ||
	    index < SIM_BOOT_BLOCKS)
		return;
	kernel.locked = true;
	block->state = BLOCK_GOING_OFFLINE;
	sim_trace("operator: memory%u is to go", index);
	sim_later(100 + sim_draw(20000), operator_over, index, may_go(index));
}

static void insist(uint32_t index, uint32_t unused)
{
	(void)unused;
	if (kernel.locked || kernel.blocks[index].state != BLOCK_ONLINE)
		return;
	kernel.locked = true;
	operator_over(index, true);
}

void operator_insists(unsigned index)
{
	if (sim_one_in(6))
		sim_later(sim_draw(3000), insist, index, 0);
}

static void end_at_last(uint32_t index, uint32_t identity)
{
	if (kernel.blocks[index].identity == identity)
		operator_ends(index, true);
}

void operator_begins(unsigned index)
{
	struct sim_block *block = &kernel.blocks[index];

	if (kernel.locked || block->state != BLOCK_ONLINE)
		return;
	kernel.locked = true;
	block->state = BLOCK_GOING_OFFLINE;
	sim_later(30000, end_at_last, index, (uint32_t)block->identity);
}

void operator_ends(unsigned index, bool going)
{
	if (kernel.blocks[index].state == BLOCK_GOING_OFFLINE)
		operator_over(index, going);
}

void operator_onlines(unsigned index)
{
	if (!kernel.locked)
		operator_writes(index, ONLINE_TYPE_ONLINE);
}

/* Some block that is there, not of boot; SIM_BLOCKS: none. */
static unsigned any_block(void)
{
	unsigned start = sim_draw(SIM_BLOCKS), i;

	for (i = 0; i < SIM_BLOCKS; i++) {
		unsigned index = (start + i) % SIM_BLOCKS;

		if (index >= SIM_FIRST_SLOT && kernel.blocks[index].present)
			return index;
	}
	return SIM_BLOCKS;
}

void operator_acts(void)
{
	static const enum online_type words[] = { ONLINE_TYPE_OFFLINE,
						  ONLINE_TYPE_OFFLINE,
						  ONLINE_TYPE_OFFLINE,
						  ONLINE_TYPE_ONLINE };
	unsigned index = any_block();

	if (index != SIM_BLOCKS)
		operator_writes(index, words[sim_draw(4)]);
}

/* The next writes to some block, there or still to come, fail for a cause that passes. */
void device_refuse(void)
{
	static const int errors[] = { EBUSY, ENOMEM, EAGAIN, EINTR };
	unsigned index = SIM_FIRST_SLOT + sim_draw(SIM_BLOCKS - SIM_FIRST_SLOT);

	kernel.blocks[index].refuse = errors[sim_draw(4)];
	kernel.blocks[index].refuse_times = 1 + (int)sim_draw(4);
}
