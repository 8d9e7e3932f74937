/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_CALL_H
#define MEMONLINE_VIRT_CALL_H

/*
 * One call of libvirt with a deadline. libvirt's calls have none: virConnectOpen hangs as
 * long as libvirtd does, an attach as long as QEMU does, and QEMU executes it afterwards
 * (measured with 9.0). So each runs in a thread of its own; one that is late is
 * abandoned, and its result is unknown.
 */

#include <libvirt/libvirt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define CALL_MESSAGE_SIZE 512

struct call_error {
	int code; /* virErrorNumber; 0: none */
	char message[CALL_MESSAGE_SIZE]; /* of libvirt; may contain a guest's text */
};

struct call {
	/*
	 * Makes the call; returns the result of libvirt's function, below 0 for a
	 * failure.
	 */
	int (*run)(struct call *call);
	/* Frees `object` where nobody waits for it any longer; may be NULL. */
	void (*drop)(struct call *call);
	virConnectPtr connect; /* a reference, or NULL */
	virDomainPtr domain; /* likewise */
	virStreamPtr stream; /* likewise */
	char *text; /* owned; what is asked for: URI, XML, alias, command */
	unsigned flags;
	int seconds;
	/* its result */
	int result;
	char *output; /* owned */
	void *object; /* owned by who takes it, and sets it to NULL */
	struct call_error error;
	/* private */
	pthread_mutex_t mutex;
	pthread_cond_t done;
	unsigned users;
	bool is_done;
};

/* NULL on lack of memory. `text` is copied and may be NULL. */
struct call *call_new(int (*run)(struct call *call), virConnectPtr connect,
		      virDomainPtr domain, const char *text);
/*
 * Starts it and waits. 0: it is done, see `result`; -ETIMEDOUT: abandoned; -EAGAIN: no
 * thread could be made, and nothing was done.
 */
int call_run(struct call *call, uint64_t deadline_msec);
/* What call_run returned; -ECOMM, with *error, if libvirt's function failed. */
int call_end(struct call *call, int r, struct call_error *error);
void call_free(struct call *call); /* accepts NULL, and one that is left behind */

/* Within `run`, where libvirt would forget its last error before it returns. */
void call_keep_error(struct call *call);

/* Condition variables that wait until a point of client_now_msec. */
int call_cond_init(pthread_cond_t *cond);
/* As pthread_cond_timedwait: false when the time has come. */
bool call_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_msec);
/* A thread that nobody joins. 0 or negative errno. */
int call_start_thread(void *(*run)(void *data), void *data);

#endif
