/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_VIRT_H
#define MEMONLINE_VIRT_VIRT_H

/* What the verbs of virt-memonline(1) share: options, exit codes, texts of errors. */

#include "ctl/table.h"
#include "guest.h"

/* The classes of errors in JSON, and the exit codes. */
enum virt_code {
	VIRT_DONE = 0,
	VIRT_FAILED = 1, /* not done, and nothing is left of it */
	VIRT_USAGE = 2,
	VIRT_NO_AGENT = 3, /* nothing was done, because no agent answers */
	VIRT_UNKNOWN = 4, /* busy or not in time: done or not, or still to come */
	VIRT_PARTLY = 64 /* some of it is done and stays; as chmem(8) */
};

struct virt_options {
	const char *uri; /* NULL: libvirt's own default */
	const char *columns; /* NULL: the usual ones */
	const char *device; /* an alias; NULL: any */
	enum capacity_model model;
	int32_t node; /* -1: any */
	uint64_t dimm_bytes; /* of each new DIMM; 0: one for all */
	const char *config, *state; /* files of autoscale; NULL: the usual ones */
	uint64_t timeout_sec; /* for all that the verb does */
	uint64_t answer_sec; /* for libvirt or a guest to answer one question */
	bool persistent;
	bool keep;
	bool dry_run;
	bool force; /* plug although memory may be short */
	bool monitor; /* ask QEMU's for what the XML lacks */
	bool take_channel; /* from another client of libvirt */
	bool json;
	bool bytes;
	bool no_headings;
	bool utc;
	bool once;
	bool status;
	bool svg; /* of plot */
};

struct virt {
	struct virt_options options;
	const char *verb;
	bool service; /* nobody waits: no progress is shown */
	const char *const *words; /* behind the verb */
	size_t word_count;
	struct connection *connection;
	struct table table;
};

/* Each returns an exit code; what was wrong is said. */
int virt_list(struct virt *virt);
int virt_show(struct virt *virt);
int virt_plug(struct virt *virt);
int virt_unplug(struct virt *virt);
int virt_resize(struct virt *virt);
int virt_wait(struct virt *virt);
int virt_watch(struct virt *virt);
int virt_metrics(struct virt *virt);
int virt_autoscale(struct virt *virt);
int virt_plot(struct virt *virt);

#define VIRT_LIST_COLUMNS 12
#define VIRT_DEVICE_COLUMNS 14
#define VIRT_WATCH_COLUMNS 8
#define VIRT_AUTOSCALE_COLUMNS 13
extern const struct table_column virt_list_columns[VIRT_LIST_COLUMNS];
extern const struct table_column virt_device_columns[VIRT_DEVICE_COLUMNS];
extern const struct table_column virt_watch_columns[VIRT_WATCH_COLUMNS];
extern const struct table_column virt_autoscale_columns[VIRT_AUTOSCALE_COLUMNS];

/* Whether the command line has its name or UUID; so it is about all where it has none. */
bool virt_is_named(const struct virt *virt, const char *name, const char *uuid);
/* Calls it for each domain that is not shut off. 0, or the exit code of an error that was printed. */
int virt_each_domain(const struct virt *virt,
		     void (*begin)(const char *name, const char *uuid, void *data),
		     void *data);

/* "virt-memonline: " and a line of stderr; with --json {"error": {"class", "desc"}} on stdout. */
int virt_fail(const struct virt *virt, enum virt_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The class of an error in JSON. */
const char *virt_class(enum virt_code code);
/* A line of stderr about what goes on; nothing with --json. */
void virt_say(const struct virt *virt, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A line that the next one replaces, if stderr is a terminal; it is erased before anything is printed. */
void virt_show_progress(const struct virt *virt, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void virt_clear_progress(void);
/* libvirt's error about `what`, escaped. `r`: what a function of host.h returned. */
int virt_fail_host(const struct virt *virt, const char *what, int r,
		   const struct call_error *error);
int virt_fail_guest(const struct virt *virt, const char *domain,
		    const struct guest_fault *fault);
/* "512M", "536870912" with --bytes. `buffer` is returned. */
#define VIRT_SIZE_MAX 32
const char *virt_size(const struct virt *virt, uint64_t bytes,
		      char buffer[VIRT_SIZE_MAX]);
/* The point of client_now_msec at which a question that is asked now has gone on for too long. */
uint64_t virt_answer_until(const struct virt *virt);

/* "512M" or "1.5G", in whole KiB; more than 0. */
bool virt_parse_size(const char *text, uint64_t *bytes);

#endif
