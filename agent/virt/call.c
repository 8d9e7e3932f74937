/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "call.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/client.h"

#define STACK_BYTES (512UL * 1024) /* there may be a thousand of them */

int call_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;
	int r = -pthread_condattr_init(&attributes);

	if (r < 0)
		return r;
	r = -pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (r == 0)
		r = -pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
	return r;
}

bool call_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_msec)
{
	struct timespec until;

	if (deadline_msec == CLIENT_FOREVER)
		return pthread_cond_wait(cond, mutex) == 0;
	until.tv_sec = (time_t)(deadline_msec / 1000);
	until.tv_nsec = (long)(deadline_msec % 1000) * 1000000;
	return pthread_cond_timedwait(cond, mutex, &until) == 0;
}

int call_start_thread(void *(*run)(void *data), void *data)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r = -pthread_attr_init(&attributes);

	if (r < 0)
		return r;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = -pthread_create(&thread, &attributes, run, data);
	pthread_attr_destroy(&attributes);
	return r;
}

static void destroy(struct call *call)
{
	if (call->drop && call->object)
		call->drop(call);
	if (call->stream)
		virStreamFree(call->stream);
	if (call->domain)
		virDomainFree(call->domain);
	if (call->connect)
		virConnectClose(call->connect);
	pthread_cond_destroy(&call->done);
	pthread_mutex_destroy(&call->mutex);
	free(call->text);
	free(call->output);
	free(call);
}

void call_free(struct call *call)
{
	bool last;

	if (!call)
		return;
	pthread_mutex_lock(&call->mutex);
	last = --call->users == 0;
	pthread_mutex_unlock(&call->mutex);
	if (last)
		destroy(call);
}

static bool hold(struct call *call, virConnectPtr connect, virDomainPtr domain)
{
	if (connect && virConnectRef(connect) == 0)
		call->connect = connect;
	if (domain && virDomainRef(domain) == 0)
		call->domain = domain;
	return call->connect == connect && call->domain == domain;
}

struct call *call_new(int (*run)(struct call *call), virConnectPtr connect,
		      virDomainPtr domain, const char *text)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->run = run;
	call->users = 1;
	if (text)
		call->text = strdup(text);
	if (pthread_mutex_init(&call->mutex, NULL) != 0) {
		free(call->text);
		free(call);
		return NULL;
	}
	if (call_cond_init(&call->done) < 0 || (text && !call->text) ||
	    !hold(call, connect, domain)) {
		call_free(call);
		return NULL;
	}
	return call;
}

/* libvirt keeps the last error by thread. */
void call_keep_error(struct call *call)
{
	const virError *error = virGetLastError();

	if (call->error.code)
		return;
	if (!error) {
		snprintf(call->error.message, sizeof(call->error.message), "no reason");
		call->error.code = VIR_ERR_INTERNAL_ERROR;
		return;
	}
	call->error.code = error->code;
	snprintf(call->error.message, sizeof(call->error.message), "%s",
		 error->message ? error->message : "");
}

static void *work(void *data)
{
	struct call *call = data;
	int result = call->run(call);

	pthread_mutex_lock(&call->mutex);
	call->result = result;
	if (result < 0)
		call_keep_error(call);
	call->is_done = true;
	pthread_cond_signal(&call->done);
	pthread_mutex_unlock(&call->mutex);
	call_free(call);
	return NULL;
}

int call_run(struct call *call, uint64_t deadline_msec)
{
	bool in_time = true;

	call->users = 2;
	if (call_start_thread(work, call) < 0) {
		call->users = 1;
		return -EAGAIN;
	}
	pthread_mutex_lock(&call->mutex);
	while (!call->is_done && in_time)
		in_time = call_cond_wait(&call->done, &call->mutex, deadline_msec);
	in_time = call->is_done;
	pthread_mutex_unlock(&call->mutex);
	return in_time ? 0 : -ETIMEDOUT;
}

int call_end(struct call *call, int r, struct call_error *error)
{
	if (r == 0 && call->result < 0) {
		*error = call->error;
		return -ECOMM;
	}
	return r;
}
