/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/sysfs.h"

/*
 * The memory directory of a kernel, by its generation. What each kernel does was measured in
 * guests; the numbers are those of uname.
 */
#define READ_USEC 6
#define WRITE_USEC 50
#define LIST_USEC 30

struct sim_kernel kernel;

bool kernel_has_zones(void)
{
	return sim.model >= SIM_4_18;
}

bool kernel_has_auto_online(void)
{
	return sim.model >= SIM_4_18;
}

unsigned slot_base(unsigned slot)
{
	return SIM_FIRST_SLOT + slot * SIM_SLOT_BLOCKS;
}

void kernel_begin(void)
{
	static const enum online_type types[] = { ONLINE_TYPE_OFFLINE,
						  ONLINE_TYPE_OFFLINE,
						  ONLINE_TYPE_ONLINE };
	unsigned i;

	memset(&kernel, 0, sizeof(kernel));
	kernel.seqnum = 1000;
	for (i = 0; i < SIM_BOOT_BLOCKS; i++) {
		struct sim_block *block = &kernel.blocks[i];

		block->present = block->has_state = block->linked = true;
		block->state = BLOCK_ONLINE;
		block->zone = BLOCK_ZONE_DMA32;
		block->identity = ++kernel.identities;
	}
	if (kernel_has_auto_online())
		kernel.auto_online = types[sim_draw(3)];
	kernel.found_auto_online = kernel.auto_online;
	if (sim.model >= SIM_6_1) {
		strcpy(kernel.parameters[1], "contig-zones");
		strcpy(kernel.parameters[2], "301");
		strcpy(kernel.parameters[3], "Y");
	}
	memcpy(kernel.found_parameters, kernel.parameters, sizeof(kernel.parameters));
}

void kernel_add_to_snapshot(void)
{
	snapshot_add(&kernel, sizeof(kernel));
}

void kernel_uevent(enum uevent_action action, unsigned index)
{
	events_emit(action, index, ++kernel.seqnum);
}

static void note_state(struct sim_block *block, enum block_state state)
{
	if (block->state == state)
		return;
	oracle_transition((unsigned)(block - kernel.blocks));
	block->state = (uint8_t)state;
	if (state == BLOCK_OFFLINE)
		block->off_usec = sim.now_usec;
	if (state == BLOCK_ONLINE)
		block->wish = SIM_WISH_POLICY;
}

void kernel_set(unsigned index, enum block_state state, enum block_zone zone)
{
	struct sim_block *block = &kernel.blocks[index];

	note_state(block, state);
	if (state == BLOCK_ONLINE) {
		block->zone = (uint8_t)zone;
		block->read_online = block->seen_online = false;
	}
	sim_trace("kernel: memory%u is %s%s%s", index, block_state_word(state),
		  state == BLOCK_ONLINE ? " in " : "",
		  state == BLOCK_ONLINE ? block_zone_word(zone) : "");
	if (state == BLOCK_ONLINE)
		kernel_uevent(UEVENT_ONLINE, index);
	if (state == BLOCK_OFFLINE && !sim_plant("hushed"))
		kernel_uevent(UEVENT_OFFLINE, index);
}

/* --- zones */

static bool is_movable(unsigned index)
{
	const struct sim_block *block = &kernel.blocks[index];

	return block->present && block->zone == BLOCK_ZONE_MOVABLE;
}

/* 3.10: the zone of what is added above is that of what lies below. */
static bool any_movable_below(unsigned index)
{
	while (index--)
		if (is_movable(index))
			return true;
	return false;
}

/* The next block that is there, upwards; SIM_BLOCKS: none. */
static unsigned next_present(unsigned index)
{
	do
		index++;
	while (index < SIM_BLOCKS && !kernel.blocks[index].present);
	return index;
}

/* Which zone an EL7 kernel takes it into, or UNKNOWN: EINVAL. */
static enum block_zone old_zone_for(unsigned index, enum online_type word)
{
	bool movable = is_movable(index);
	unsigned next = next_present(index);

	switch (word) {
	case ONLINE_TYPE_ONLINE_MOVABLE:
		if (movable || next == SIM_BLOCKS || is_movable(next))
			return BLOCK_ZONE_MOVABLE;
		return BLOCK_ZONE_UNKNOWN;
	case ONLINE_TYPE_ONLINE_KERNEL:
		if (movable && any_movable_below(index))
			return BLOCK_ZONE_UNKNOWN;
		return BLOCK_ZONE_NORMAL;
	case ONLINE_TYPE_ONLINE:
		return movable ? BLOCK_ZONE_MOVABLE : BLOCK_ZONE_NORMAL;
	case ONLINE_TYPE_OFFLINE:
	case ONLINE_TYPE_NONE:
	case ONLINE_TYPES:
		break;
	}
	return BLOCK_ZONE_UNKNOWN;
}

enum block_zone kernel_zone_for(unsigned index, enum online_type word)
{
	if (sim.model == SIM_EL6)
		return BLOCK_ZONE_NORMAL;
	if (sim.model == SIM_EL7)
		return old_zone_for(index, word);
	return word == ONLINE_TYPE_ONLINE_MOVABLE ? BLOCK_ZONE_MOVABLE
						  : BLOCK_ZONE_NORMAL;
}

/* --- what is read */

static struct sim_block *find(const char *name, const char **attribute, unsigned *index)
{
	int len = 0;

	/* NOLINTNEXTLINE(cert-err34-c): a name that sysfs.c has made */
	if (sscanf(name, "memory%u%n", index, &len) < 1 || *index >= SIM_BLOCKS)
		return NULL;
	*attribute = name + len + (name[len] == '/');
	return kernel.blocks[*index].present ? &kernel.blocks[*index] : NULL;
}

static long read_state(struct sim_block *block, char *buffer, size_t size)
{
	if (!block->has_state)
		return -ENOENT;
	block->read_usec = sim.now_usec;
	block->listed = true;
	block->read_online = block->state == BLOCK_ONLINE ||
			     block->state == BLOCK_GOING_OFFLINE;
	return snprintf(buffer, size, "%s\n", block_state_word(block->state));
}

static long read_zones(unsigned index, char *buffer, size_t size)
{
	const struct sim_block *block = &kernel.blocks[index];

	if (!kernel_has_zones())
		return -ENOENT;
	oracle_read_zones(index);
	if (block->state == BLOCK_ONLINE)
		return snprintf(buffer, size, "%s\n", block_zone_word(block->zone));
	return snprintf(buffer, size, "Normal Movable\n");
}

static long read_any(const char *name, char *buffer, size_t size)
{
	const char *attribute = "";
	struct sim_block *block;
	unsigned index;

	if (strcmp(name, "block_size_bytes") == 0)
		return snprintf(buffer, size, "%" PRIx64 "\n", (uint64_t)SIM_BLOCK_BYTES);
	if (strcmp(name, "auto_online_blocks") == 0)
		return kernel.auto_online ? snprintf(buffer, size, "%s\n",
						     online_type_text(kernel.auto_online))
					  : -ENOENT;
	block = find(name, &attribute, &index);
	if (!block)
		return -ENOENT;
	if (strcmp(attribute, "state") == 0)
		return read_state(block, buffer, size);
	return strcmp(attribute, "valid_zones") == 0 ? read_zones(index, buffer, size)
						     : -ENOENT;
}

static long kernel_read(void *data, const char *name, char *buffer, size_t size)
{
	(void)data;
	sim_point(name, READ_USEC);
	return read_any(name, buffer, size);
}

static int kernel_list(void *data, void (*entry)(const char *name, void *user),
		       void *user)
{
	char name[32];
	unsigned i;

	(void)data;
	sim_point("lists the blocks", LIST_USEC);
	kernel_agent_went_on();
	for (i = SIM_BLOCKS; i-- > 0;) {
		kernel.blocks[i].listed = kernel.blocks[i].present;
		if (!kernel.blocks[i].present &&
		    !(sim_plant("ghost") && i == SIM_FIRST_SLOT))
			continue;
		snprintf(name, sizeof(name), "memory%u", i);
		entry(name, user);
	}
	entry("block_size_bytes", user);
	return 0;
}

static uint64_t kernel_identify(void *data, const char *name)
{
	const char *attribute;
	struct sim_block *block;
	unsigned index;

	(void)data;
	sim_point(name, READ_USEC);
	block = find(name, &attribute, &index);
	if (!block)
		return 0;
	return block->identity;
}

void kernel_agent_went_on(void)
{
	unsigned i;

	for (i = 0; i < SIM_BLOCKS; i++)
		if (kernel.blocks[i].read_online)
			kernel.blocks[i].seen_online = true;
}

/* Where memory is short what was read may be thrown away. */
void kernel_agent_forgot(void)
{
	unsigned i;

	for (i = 0; i < SIM_BLOCKS; i++)
		kernel.blocks[i].read_online = false;
}

void kernel_forget_wishes(void)
{
	unsigned i;

	kernel.found_lost = true;
	for (i = 0; i < SIM_BLOCKS; i++) {
		kernel.blocks[i].seen_online = kernel.blocks[i].read_online = false;
		if (kernel.blocks[i].state != BLOCK_ONLINE)
			kernel.blocks[i].wish = SIM_WISH_ANY;
	}
}

/* --- what is written */

/*
 * Before 3.18 or so: what both have is compared; later the whole value, newline or not.
 */
static bool is_word(const char *word, const char *bytes, size_t len)
{
	size_t word_len = strlen(word);

	if (sim.model <= SIM_EL7)
		return strncmp(word, bytes, len < word_len ? len : word_len) == 0;
	if (len && bytes[len - 1] == '\n')
		len--;
	return len == word_len && strncmp(word, bytes, len) == 0;
}

static enum online_type understand(const char *bytes, size_t len)
{
	static const enum online_type words[] = { ONLINE_TYPE_ONLINE_KERNEL,
						  ONLINE_TYPE_ONLINE_MOVABLE,
						  ONLINE_TYPE_ONLINE,
						  ONLINE_TYPE_OFFLINE };
	size_t i = sim.model == SIM_EL6 ? 2 : 0;

	for (; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(online_type_text(words[i]), bytes, len))
			return words[i];
	return ONLINE_TYPE_NONE;
}

static long refused(struct sim_block *block)
{
	if (!block->refuse_times)
		return 0;
	block->refuse_times--;
	return -block->refuse;
}

static long bring_online(unsigned index, enum online_type word, size_t len)
{
	struct sim_block *block = &kernel.blocks[index];
	enum block_zone zone = kernel_zone_for(index, word);
	long r;

	if (block->state == BLOCK_ONLINE)
		return sim.model == SIM_EL7 ? 1 : -EINVAL;
	r = refused(block);
	/* 3.10 cannot, and will not by itself. */
	if (r == 0 && zone == BLOCK_ZONE_UNKNOWN) {
		if (block->wish == SIM_WISH_POLICY)
			block->wish = SIM_WISH_ANY;
		r = -EINVAL;
	}
	if (r < 0)
		return r;
	kernel_set(index, BLOCK_ONLINE, zone);
	/* Who wrote it knows. */
	block->read_online = true;
	return (long)len;
}

static long take_offline(unsigned index, size_t len)
{
	struct sim_block *block = &kernel.blocks[index];
	long r;

	if (sim.model == SIM_EL6 || block->state != BLOCK_ONLINE)
		return -EINVAL;
	r = refused(block);
	if (r == 0 && (block->zone != BLOCK_ZONE_MOVABLE && !sim_one_in(3)))
		r = -EBUSY;
	if (r < 0) {
		operator_insists(index);
		return r;
	}
	kernel_set(index, BLOCK_OFFLINE, BLOCK_ZONE_UNKNOWN);
	block->wish = SIM_WISH_ANY;
	return (long)len;
}

long kernel_write_state(unsigned index, enum online_type word, uint64_t handed_usec)
{
	char line[32];
	size_t len = (size_t)snprintf(line, sizeof(line), "%s\n", online_type_text(word));

	sim_trace("agent writes memory%u: %s", index, online_type_text(word));
	word = understand(line, len);
	oracle_write(index, word, handed_usec);
	if (!kernel.blocks[index].present || !kernel.blocks[index].has_state)
		return -ENOENT;
	if (word == ONLINE_TYPE_NONE)
		return -EINVAL;
	return word == ONLINE_TYPE_OFFLINE ? take_offline(index, len)
					   : bring_online(index, word, len);
}

long kernel_peek_state(unsigned index, char *buffer, size_t size)
{
	return kernel.blocks[index].present
		       ? read_state(&kernel.blocks[index], buffer, size)
		       : -ENOENT;
}

static long write_auto_online(const char *bytes)
{
	char word[32];
	enum online_type type;

	if (!kernel.auto_online)
		return -ENOENT;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(bytes, "\n"), bytes);
	if (sim.model < SIM_5_14 && strchr(word, '_'))
		return -EINVAL;
	if (!online_type_parse(word, &type))
		return -EINVAL;
	sim_trace("agent writes auto_online_blocks: %s", word);
	if (!sim_plant("settings") || type != kernel.found_auto_online)
		kernel.auto_online = type;
	return (long)strlen(bytes);
}

/* Of `state` and `probe` writer.c takes care. */
static long kernel_write(void *data, const char *name, const char *bytes, size_t len,
			 struct sysfs_text *after)
{
	long written = -ENOENT;

	(void)data;
	(void)len;
	(void)after;
	sim_point(name, WRITE_USEC);
	if (strcmp(name, "auto_online_blocks") == 0)
		written = write_auto_online(bytes);
	/* It may be killed here: the kernel has done it, nobody knows. */
	sim_point("wrote", 10);
	return written;
}

const struct sysfs_operations sim_sysfs_operations = { kernel_read, kernel_write,
						       kernel_list, kernel_identify };
