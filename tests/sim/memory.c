/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The agent's memory is an arena of its own, which a SIGKILL drops as a whole. These
 * functions replace the library's, so that what a library allocates for the agent is in
 * there, too.
 */
#define ARENA_BYTES (64UL << 20)
#define CLASSES 40
#define HEADER 16

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): glibc's names */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *old);
extern const char __executable_start, etext;
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static unsigned char arena[ARENA_BYTES] __attribute__((aligned(64)));
static size_t used, live, peak;
static void *freed[CLASSES];
static unsigned fail_after, fail_count;

void sim_memory_reset(void)
{
	memset(arena, 0, used);
	memset(freed, 0, sizeof(freed));
	used = live = peak = 0;
	fail_count = 0;
}

void sim_memory_add_to_snapshot(void)
{
	snapshot_add(arena, used);
	snapshot_add(&used, sizeof(used));
	snapshot_add(&live, sizeof(live));
	snapshot_add(&peak, sizeof(peak));
	snapshot_add((void *)freed, sizeof(freed));
	snapshot_add(&fail_after, sizeof(fail_after));
	snapshot_add(&fail_count, sizeof(fail_count));
}

size_t sim_memory_peak(void)
{
	return peak;
}

void sim_memory_leak(void)
{
	live += 4096;
	if (live > peak)
		peak = live;
}

bool sim_memory_is_short(void)
{
	return fail_count != 0;
}

void sim_memory_fail(unsigned after, unsigned count)
{
	fail_after = after;
	fail_count = count;
}

/* Powers of two, from 32 bytes on. */
static unsigned class_of(size_t size)
{
	unsigned class = 5;

	while (((size_t)1 << class) < size + HEADER)
		class ++;
	return class;
}

/* Only for the agent's own calls: libraries are not tested here. */
static bool fails(const void *caller)
{
	if (!fail_count || (const char *)caller < &__executable_start ||
	    (const char *)caller >= &etext)
		return false;
	if (fail_after) {
		fail_after--;
		return false;
	}
	fail_count--;
	kernel_agent_forgot();
	return true;
}

static void *take(size_t size, const void *caller)
{
	unsigned class = class_of(size);
	size_t bytes = (size_t)1 << class;
	unsigned char *found = freed[class];

	if (size > ARENA_BYTES / 2 || fails(caller) ||
	    (!found && used + bytes > ARENA_BYTES)) {
		errno = ENOMEM;
		return NULL;
	}
	if (found) {
		memcpy(&freed[class], found + HEADER, sizeof(freed[0]));
	} else {
		found = arena + used;
		used += bytes;
	}
	memcpy(found, &class, sizeof(class));
	live += bytes;
	if (live > peak)
		peak = live;
	return found + HEADER;
}

static bool is_ours(const void *pointer)
{
	return (const unsigned char *)pointer >= arena &&
	       (const unsigned char *)pointer < arena + ARENA_BYTES;
}

static unsigned class_at(const void *pointer)
{
	unsigned class;

	memcpy(&class, (const unsigned char *)pointer - HEADER, sizeof(class));
	return class;
}

static void give_back(void *old)
{
	unsigned class = class_at(old);

	live -= (size_t)1 << class;
	memcpy(old, &freed[class], sizeof(freed[0]));
	freed[class] = (unsigned char *)old - HEADER;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's are reserved */
void *malloc(size_t size)
{
	return sim.in_agent ? take(size, __builtin_return_address(0))
			    : __libc_malloc(size);
}

void free(void *old)
{
	if (is_ours(old))
		give_back(old);
	else
		__libc_free(old);
}

void *calloc(size_t count, size_t size)
{
	void *found;

	if (!sim.in_agent)
		return __libc_calloc(count, size);
	if (size && count > ARENA_BYTES / size) {
		errno = ENOMEM;
		return NULL;
	}
	found = take(count * size, __builtin_return_address(0));
	if (found)
		memset(found, 0, count * size);
	return found;
}

void *realloc(void *old, size_t size)
{
	size_t had;
	void *found;

	if (old && !is_ours(old))
		return __libc_realloc(old, size);
	if (!old)
		return sim.in_agent ? take(size, __builtin_return_address(0))
				    : __libc_malloc(size);
	had = ((size_t)1 << class_at(old)) - HEADER;
	if (size <= had)
		return old;
	found = take(size, __builtin_return_address(0));
	if (!found)
		return NULL;
	memcpy(found, old, had);
	give_back(old);
	return found;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
