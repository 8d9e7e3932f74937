/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SIM_SCALE_H
#define MEMONLINE_SIM_SCALE_H

/*
 * Hosts with guests whose load comes and goes, drawn from a seed, and who decides how large the
 * guests are: core/scale, three policies of others, and an oracle that knows the load. All see the
 * same guests, the same delays and the same refusals.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICK_USEC 500000ull
#define TICKS_PER_SEC 2
#define WORLD_TICKS (2 * 3600 * TICKS_PER_SEC)
#define VMS_MAX 8
#define PARTS_MAX 4
#define WINDOW_TICKS 4 /* of the kernel's stall trigger */

/* MiB in all of the simulator; core/scale has bytes. */
#define MIB (1024ull * 1024)

struct world;

/* --- load (scale-load.c) */

/* A trapezoid that comes again: it rises, stays, falls, is gone. Ticks and MiB. */
struct part {
	bool is_hot; /* cached files that are read all the time; else memory of processes */
	unsigned start, period, rise, hold, fall;
	double amount;
};

struct load {
	double base;
	struct part parts[PARTS_MAX];
	unsigned part_count;
	bool has_cold; /* files that are read once fill what is free */
	double speed; /* MiB a tick that processes can take at most */
};

struct demand {
	double processes, hot;
};

void load_draw(struct world *world, struct load *load, double boot, double max,
	       bool has_swap);
struct demand load_at(const struct load *load, unsigned tick);

/* --- guests (scale-guest.c) */

enum change_result { CHANGE_NONE, CHANGE_PENDING, CHANGE_DONE, CHANGE_REFUSED };

struct vm {
	/* drawn */
	struct load load;
	double boot, max, swap;
	double kernel_least; /* never less is free in its kernel's zones */
	bool has_psi, lies;
	unsigned priority, movable_ratio;
	/* the present values */
	double given, online; /* MiB */
	double processes, swapped, hot_files;
	unsigned killed_until; /* tick; the process that was killed starts again then */
	double stall, full; /* shares of this tick */
	unsigned away_until, helpless_until; /* ticks */
	/* the change in flight */
	double change; /* MiB, negative: shrink; 0: none */
	bool never_online;
	unsigned attach_tick, online_tick;
	enum change_result result;
	/* counters of the guest's kernel */
	uint64_t some_usec, full_usec, oom_kills;
	double recent_stall[WINDOW_TICKS];
};

/* Reserved by the kernel itself, and kept free by it. */
double vm_reserved(double online);
double vm_low(double online);
double vm_available(const struct vm *vm);
double vm_unused(const struct vm *vm); /* by nobody, not by files either */
/* The size with which nothing stalls. */
double vm_need(const struct vm *vm, const struct demand *demand);

/* A tick of its life. Whether a process was killed. */
bool vm_tick(struct vm *vm, unsigned tick);

/* --- the world (scale-world.c) */

struct score {
	double avoidable_kills, kills, stall_sec, gib_hours, changes;
};

struct world {
	uint64_t seed, random;
	unsigned tick;
	struct vm vms[VMS_MAX];
	unsigned count;
	unsigned room_ticks; /* that the host has had memory left */
	double capacity, reserve_soft, reserve_hard;
	bool instant; /* the oracle's changes take no time and are never refused */
	struct score score;
	bool failed; /* a rail was left */
	char fault[256];
};

double world_draw(struct world *world, double from, double to);
bool world_one_in(struct world *world, unsigned many);
/* The guests of a seed: the same for each policy. */
void world_begin(struct world *world, uint64_t seed);
double world_given(const struct world *world);
/* Asks for another size. One that is in flight goes on first: false. */
bool world_resize(struct world *world, struct vm *vm, double size);
void world_fail(struct world *world, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* --- policies (scale-policies.c, scale-core.c) */

struct policy {
	const char *name;
	void *(*begin)(struct world *world);
	void (*tick)(struct world *world, void *memory);
};

extern const struct policy policy_oracle, policy_mom, policy_proxmox, policy_fixed,
	policy_core;

void world_run(struct world *world, uint64_t seed, const struct policy *policy);
extern bool scale_trace;
extern const char *scale_plant; /* a rail to leave on purpose, or NULL */

#endif
