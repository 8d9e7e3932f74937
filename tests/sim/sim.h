/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SIM_H
#define MEMONLINE_SIM_H

/*
 * One seed, one world: the daemon's code between simulated edges. Time passes only here:
 * each effect of the agent takes some, and before it happens, everything happens that was
 * due by then.
 */

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/block.h"
#include "core/config.h"
#include "core/uevent.h"

#define SIM_BLOCKS 72
#define SIM_BOOT_BLOCKS 8
#define SIM_FIRST_SLOT 32
#define SIM_SLOTS 5 /* the last one is the virtio-mem device's */
#define SIM_SLOT_BLOCKS 8
#define SIM_VIRTIO_MEM (SIM_SLOTS - 1)
#define SIM_BLOCK_BYTES (128ull << 20)
#define SIM_SCRIPT_MAX 512

enum sim_model { SIM_EL6, SIM_EL7, SIM_4_18, SIM_5_14, SIM_6_1, SIM_6_12, SIM_MODELS };

/* --- what a world is drawn from */

enum sim_event_kind {
	SIM_PLUG,
	SIM_UNPLUG,
	SIM_GROW,
	SIM_OPERATOR,
	SIM_REFUSE,
	SIM_KILL,
	SIM_STOP,
	SIM_END,
	SIM_HANGUP,
	SIM_UDEVD,
	SIM_HOST_COMES,
	SIM_HOST_LEAVES,
	SIM_HOST_FOLLOWS,
	SIM_HOST_ASKS,
	SIM_HOST_STALLS,
	SIM_CLOCK,
	SIM_FILES,
	SIM_SHORTAGE,
	SIM_PORT,
	SIM_SNAPSHOT,
	SIM_SETTLE,
	SIM_EVENT_KINDS
};

extern const char *const sim_event_names[SIM_EVENT_KINDS];

struct sim_event {
	enum sim_event_kind kind;
	uint32_t gap_usec; /* after the one before */
	uint32_t random; /* what it draws from */
};

struct sim_options {
	enum sim_model model; /* SIM_MODELS: drawn */
	bool trace, log;
	const char *plant; /* NULL: none */
	uint32_t features; /* 1 << enum sim_event_kind that may be drawn */
	bool small; /* no script, and time stands still: small.c */
};

/* --- the world */

/* The guest's memory is put back: whether hosts know, and whether the guest's generation is a new one. */
enum sim_revert {
	SIM_REVERT_NONE,
	SIM_REVERT_TOLD,
	SIM_REVERT_UNTOLD,
	SIM_REVERT_GENERATION
};

struct sim_world {
	struct sim_options options;
	struct sim_event script[SIM_SCRIPT_MAX];
	size_t script_count, script_next;
	uint64_t script_due_usec;
	uint64_t random;
	uint64_t now_usec; /* CLOCK_MONOTONIC */
	int64_t wall_offset_usec;
	uint64_t steps;
	uint64_t wakeups; /* of the agent */
	bool settling;
	uint64_t settle_until_usec;
	enum sim_model model;
	struct config config;
	jmp_buf base; /* where a jump out of the agent's code ends */
	bool in_agent; /* its code is being run: memory is the agent's */
	bool snapshot_wanted; /* as soon as memonlined is between two rounds */
	size_t revert_at; /* the event of the script that puts it back */
	enum sim_revert revert;
	unsigned
		uuids; /* so far: no instance has the name of another, before the snapshot or after */
	bool failed;
	char fault[256];
};
extern struct sim_world sim;

enum sim_leave {
	SIM_LEAVE_KILLED = 1,
	SIM_LEAVE_FAILED,
	SIM_LEAVE_KNOWN,
	SIM_LEAVE_REVERTED
};

void sim_begin(uint64_t seed, const struct sim_options *options);
void sim_make_script(uint64_t seed, size_t events);
/* Carries the script out. false: an oracle found a fault, see sim.fault. */
bool sim_run(void);
/* A number below `below`. */
uint32_t sim_draw(uint32_t below);
bool sim_one_in(uint32_t many);
/* An effect of the agent's: time passes, and what is due comes first. */
void sim_point(const char *what, uint64_t cost_usec);
/* Until the time has come; for one who waits without an effect. */
void sim_pass(uint64_t usec);
typedef void (*sim_task_fn)(uint32_t a, uint32_t b);
void sim_later(uint64_t after_usec, sim_task_fn fn, uint32_t a, uint32_t b);
void sim_trace(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An oracle's verdict. `oracle` is its name. */
void sim_fail(const char *oracle, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool sim_plant(const char *name);
/* Whether nothing is under way outside of the agent. */
bool sim_is_calm(void);

/* --- small worlds, all of them (small.c) */

struct small_count {
	uint64_t worlds, states, steps;
};
/* All that have from 0 to 6 events, added to `count`. false: a fault was found, and printed. */
bool small_worlds(const struct sim_options *options, unsigned events,
		  struct small_count *count);
void small_point(const char *what); /* before an effect of the agent's */
/* What is to come, and what is known, in one number. */
uint64_t events_sum(void);
uint64_t oracle_sum(void);
uint64_t life_sum(void);
uint64_t writer_sum(void);

/* --- the whole guest (snapshot.c) */

void snapshot_begin(void);
bool snapshot_is_taken(void);
void snapshot_take(void);
void snapshot_put_back(void);
/* These bytes are the guest's. */
void snapshot_add(void *start, size_t bytes);
/* By each who has some. */
void sim_add_to_snapshot(void);
void sim_memory_add_to_snapshot(void);
void kernel_add_to_snapshot(void);
void writer_add_to_snapshot(void);
void events_add_to_snapshot(void);
void port_add_to_snapshot(void);
void oracle_add_to_snapshot(void);
void files_add_to_snapshot(void);
void life_add_to_snapshot(void);

/* --- memory (memory.c) */

void sim_memory_reset(void);
size_t sim_memory_peak(void);
void sim_memory_leak(void); /* a plant: some is never given back */
/* `count` allocations of the agent's fail after `after` that do not. */
void sim_memory_fail(unsigned after, unsigned count);
bool sim_memory_is_short(void);

/* --- the kernel (kernel.c, devices.c) */

enum sim_wish { SIM_WISH_POLICY, SIM_WISH_OFF, SIM_WISH_ANY };

struct sim_block {
	bool present, has_state, linked;
	uint8_t state, zone; /* enum block_state, enum block_zone */
	uint8_t wish; /* enum sim_wish: how it has to end */
	bool asked, asked_off; /* a host asked to have it so, since the last rest */
	bool seen_online; /* the agent read so, and went on from there */
	bool read_online; /* it read so */
	bool listed; /* when the agent listed them last, or its state was read since */
	int refuse, refuse_times;
	uint64_t identity;
	uint64_t off_usec; /* since when */
	uint64_t read_usec; /* when the agent read its state last */
};

struct sim_slot {
	bool plugged, busy;
	unsigned count; /* blocks */
};

struct sim_kernel {
	struct sim_block blocks[SIM_BLOCKS];
	struct sim_slot slots[SIM_SLOTS];
	uint64_t identities, seqnum;
	enum online_type auto_online, found_auto_online;
	char parameters[4][32], found_parameters[4][32];
	bool locked; /* the hotplug lock is held by somebody else */
	bool found_forged; /* and it may say something else */
	bool found_lost; /* with the file that says how the settings were found */
};
extern struct sim_kernel kernel;
struct sysfs_operations;
extern const struct sysfs_operations sim_sysfs_operations;

void kernel_begin(void);
void writer_begin(void);
void writer_agent_gone(void); /* its worker ends with it (writer.c) */
bool writer_is_busy(void); /* a write is in progress still, be it of a killed agent */
bool kernel_has_zones(void); /* valid_zones, and zones in any order */
bool kernel_has_auto_online(void);
void kernel_uevent(enum uevent_action action, unsigned index);
/* The state, with its event; `zone` where it is online. */
void kernel_set(unsigned index, enum block_state state, enum block_zone zone);
enum block_zone kernel_zone_for(unsigned index, enum online_type word);
/* A write that the agent has handed over: the result of write(2). */
long kernel_write_state(unsigned index, enum online_type word, uint64_t handed_usec);
/* What `state` says, without an effect of the agent's. */
long kernel_peek_state(unsigned index, char *buffer, size_t size);
/* What the agent has read by now it will still know if it is killed. */
void kernel_agent_went_on(void);
void kernel_agent_forgot(void);
void kernel_forget_wishes(void);
unsigned slot_base(unsigned slot);

void device_plug(void);
void device_unplug(void);
void device_grow(void);
void operator_acts(void);
/* What a job could not take offline an operator may, just behind it. */
void operator_insists(unsigned index);
void device_refuse(void);
/* The same in one step, for small worlds. */
void device_add_whole(unsigned slot, unsigned count);
void device_remove_whole(unsigned slot);
void operator_begins(unsigned index);
void operator_ends(unsigned index, bool going);
void operator_onlines(unsigned index);

/* --- events (events.c) */

void events_begin(void);
void events_emit(enum uevent_action action, unsigned index, uint64_t seqnum);
void events_close(void); /* the agent's sockets are gone */
void events_udevd(void); /* it is killed, or started */
bool events_udevd_runs(void);
bool events_any_removal(void); /* that the kernel's socket still has */
uint32_t events_ready(int fd);
#define SIM_FD_UDEV 1001
#define SIM_FD_KERNEL 1002
#define SIM_FD_PORT 1003
#define SIM_FD_INOTIFY 1004
#define SIM_FD_RUN 1005 /* of /run/memonline */

/* --- the loop (loop.c) */

struct loop;
/* One round without waiting. false: there was nothing to do. */
bool sim_loop_round(struct loop *loop);
/* When the next timer is due, UINT64_MAX: none. */
uint64_t sim_loop_due(const struct loop *loop);

/* --- the port and its hosts (port.c, hosts.c) */

void port_begin(void);
void port_agent_gone(void);
uint32_t port_ready(int fd, bool *edge);
void port_rearm(void);
void port_plug(void); /* unplugged, or given back */
void port_host(bool here); /* QEMU's news, by the work queue */
/* QEMU has these for the guest. false: nobody has opened the port. */
bool port_deliver(const char *bytes, size_t len);
bool port_is_open(void);
bool port_calm(void);

void hosts_begin(void);
void host_comes(void);
void host_leaves(void);
void host_follows(void);
void host_asks(void);
void host_stalls(void);
/* What the guest sent; returns how many bytes were taken. */
size_t host_hears(const char *bytes, size_t len);
void host_port_opened(void);
/* The agent, or its port, was removed: requests need not be answered. */
void host_excuse(void);
void host_excuse_open(void); /* its requests so far */
void host_greeted(void); /* the agent knows that it is there */
bool host_port_is_held(void);
bool host_has_room(void);
void host_settles(void);
/* The guest's reports were lost, or numbers were: they need not join what was heard. */
void host_doubts(void);
/* Before the guest's memory is put back, and after it. */
void host_reverts(void);
void host_reverted(void);
void host_check(void);

/* --- the files in /run (files.c) */

void files_begin(void);
/* Others remove, cut or overwrite them, or the file system is full. */
void files_befall(void);
void files_agent_gone(void);
bool files_were_lost(void); /* since the last call: the next agent does not read all */
void files_lose_blocks(void); /* a plant */
void files_check(void);
uint32_t files_ready(void);

/* --- the agent's life (life.c) */

void life_begin(void);
void life_kill(void);
void life_stop(void);
void life_end(void);
void life_hangup(void);
bool life_turn(void); /* one round; false: nothing to do, or it is not there */
uint64_t life_due(void);
bool life_is_up(void);
void life_drop(void); /* its memory, sockets and port are gone */
struct journal;
struct journal *life_journal(void);
bool life_is_there(void); /* it has begun to read the files in /run */
bool life_has_files(void); /* it has read them */
struct agent;
const struct agent *life_agent(void); /* NULL: it is not there */

/* --- oracles (oracle.c) */

void oracle_begin(void);
/* The agent is about to; it has handed that over at `handed_usec`. */
void oracle_write(unsigned index, enum online_type word, uint64_t handed_usec);
void oracle_read_zones(unsigned index);
void oracle_work(void); /* an effect of the agent's */
void oracle_event(void); /* something happened outside of it */
void oracle_reports(void); /* what is new in the journal */
void oracle_new_journal(void);
void oracle_forget_blocks(void);
void oracle_skip_reports(uint64_t seq); /* up to there */
void oracle_dropped(void); /* the agent is gone */
void oracle_generation(void); /* the agent hears that the guest's is a new one */
void oracle_rest(void); /* the agent has nothing to do */
void oracle_transition(unsigned index); /* a block's state changes */
void oracle_excuse_block(unsigned index);
void oracle_settled(void);
void oracle_ended(void); /* in good order */

#endif
