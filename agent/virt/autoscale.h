/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_AUTOSCALE_H
#define MEMONLINE_VIRT_AUTOSCALE_H

/*
 * virt-memonline autoscale: core/scale decides, and each domain has a thread of its own, its
 * keeper, which measures, has all guests decided about, and makes its own domain's change with
 * what the verbs plug and unplug use.
 *
 *   events of libvirt ─► autoscale ─► keepers: measure ─► decide (one at a time, all guests)
 *                                        ▲                   │ stored before it is begun
 *                                        └── change ◄────────┘
 */

#include "core/samples.h"
#include "core/scale-config.h"
#include "target.h"
#include "wire/scale-record.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#define AUTOSCALE_CONFIG SYSCONFDIR "/virt-memonline.conf"
#define AUTOSCALE_STATE "/var/lib/virt-memonline/autoscale"
#define AUTOSCALE_DOMAINS_MAX 1024

struct scaler;

struct keeper {
	struct scaler *scaler;
	struct virt virt; /* the verb's, with options of its own */
	struct target target;
	unsigned session; /* of target->sessions: the one that is subscribed */
	struct pressure_thresholds thresholds; /* to these */
	unsigned pressed; /* signals by event since the last decision */
	uint64_t
		unknown_usec; /* since when nobody knows the change's result; 0: it is known */
	enum scale_change
		result; /* of the last change; decided about with what was measured since */
	bool restarted; /* the domain was: what was in flight is no more */
	enum capacity_model model; /* of its rules, as measured last */
	/* What follows is of all threads, with the scaler's mutex. */
	struct scale_guest *guest; /* in scaler->guests */
	struct scale_record record; /* but for its memory, which is the guest's */
	struct samples samples;
	struct scale_choice choice;
	bool runs; /* its thread does */
	bool dismissed; /* no rule is about it any more */
	bool measured; /* once at least, or that was tried */
	bool decided; /* was decided about since its thread was started */
	bool has_job;
	struct scale_decision job;
	/* What was logged last. */
	enum scale_state logged_state;
	enum scale_reason logged_reason;
	enum scale_action logged_action;
	uint64_t logged_bytes;
};

struct scaler {
	struct virt *virt;
	struct scale_config config;
	uint64_t host_bytes; /* all memory of the host; CAPACITY_UNKNOWN */
	uint64_t epoch_usec; /* of CLOCK_MONOTONIC, since 1970 */
	const char *state; /* the file's path; NULL: none is written */
	pthread_mutex_t mutex; /* of all that follows */
	struct keeper *keepers
		[AUTOSCALE_DOMAINS_MAX]; /* owned; each has the guest of its place */
	struct scale_guest guests[AUTOSCALE_DOMAINS_MAX];
	/* The guests' memory before the last decision, or before that of a job not yet begun. */
	struct scale_memory before[AUTOSCALE_DOMAINS_MAX];
	size_t count;
	/* Of the file of samples: its lines, those of when it was last written anew, what was logged. */
	size_t sample_lines, kept_lines;
	int samples_error;
	bool ends;
};

/* autoscale-keeper.c */

/* Microseconds since 1970 at the start, and never back. */
uint64_t autoscale_now_usec(const struct scaler *scaler) _nonnull_(1);
/* Opens the target. 0, or the exit code of an error that was printed. */
int autoscale_open(struct keeper *keeper) _must_check_ _nonnull_(1);
enum autoscale_next {
	AUTOSCALE_GONE, /* the domain no longer runs */
	AUTOSCALE_AGAIN, /* a change was made */
	AUTOSCALE_WAIT
};
/* Measures, decides and changes once. */
enum autoscale_next autoscale_round(struct keeper *keeper,
				    uint64_t *until_usec) _must_check_ _nonnull_(1, 2);
/* All of the thread of `data`, a keeper. */
void *autoscale_keep(void *data) _nonnull_(1);

/* autoscale-config.c: the file and its drop-ins in FILE.d. 0, or negative errno with `error`. */
int autoscale_load_config(const char *file, struct scale_config *config,
			  char error[SCALE_CONFIG_ERROR_SIZE]) _must_check_
	_nonnull_(1, 2, 3);

/* autoscale-state.c */

/* One program at a time. 0, -EWOULDBLOCK where another has it, other negative errno. */
int autoscale_lock_state(const char *file) _must_check_ _nonnull_(1);
/* Whether some program has it. */
bool autoscale_state_is_locked(const char *file) _nonnull_(1);
typedef void (*autoscale_record_fn)(const struct scale_record *record, void *data);
/*
 * Each line that can be read. 0, the number of those that cannot, or negative errno; a missing
 * file has no lines.
 */
int autoscale_read_state(const char *file, autoscale_record_fn fn,
			 void *data) _must_check_ _nonnull_(1, 2);
/* All of it anew, in one step. 0 or negative errno. */
int autoscale_write_state(const struct scaler *scaler) _must_check_ _nonnull_(1);

/*
 * autoscale-samples.c: what each guest was like over time, for people alone: no decision rests on
 * it. STATE.samples gets a line for each sample, and is written anew now and then.
 */

/* What a service before this one has left. Errors are logged. */
void autoscale_open_samples(struct scaler *scaler) _nonnull_(1);
/* With the mutex: of what the guest has been decided about. */
void autoscale_add_sample(struct keeper *keeper, uint64_t now_usec) _nonnull_(1);
/* One domain's, from the file. 0 or negative errno; a missing file has none. */
int autoscale_read_samples(const char *state, const char *uuid,
			   struct samples *samples) _must_check_ _nonnull_(1, 2, 3);

/* autoscale-measure.c */

/* false: the domain no longer runs. */
bool autoscale_measure(struct keeper *keeper, struct scale_facts *facts) _must_check_
	_nonnull_(1, 2);
/*
 * Until then, or something happens to the domain, or another's decision is about it; a quarter of a
 * second at least but for the last.
 */
void autoscale_wait(struct keeper *keeper, uint64_t until_usec) _nonnull_(1);

/* autoscale-decide.c */

/* About all guests, now that this one was measured. When to measure it again. */
uint64_t autoscale_decide(struct keeper *keeper, const struct scale_facts *facts)
	_nonnull_(1, 2);
/* Its domain has gone, or nobody measures it any more. */
void autoscale_leave(struct keeper *keeper, bool gone) _nonnull_(1);

/* autoscale-change.c */

/* Makes the change, and has its result in the guest's facts. */
void autoscale_change(struct keeper *keeper, const struct scale_decision *decision)
	_nonnull_(1, 2);
/*
 * The result of a change that nobody has waited for, by what the host has given now: of a
 * program before this one, or one that was not answered.
 */
void autoscale_resolve(struct keeper *keeper, const struct scale_facts *facts)
	_nonnull_(1, 2);

/* autoscale-status.c: --status, from the state file. An exit code. */
int autoscale_status(struct virt *virt, const char *state) _nonnull_(1, 2);

#endif
