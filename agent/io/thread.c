/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/thread.h"

#include <limits.h>
#include <signal.h>

#define STACK_BYTES (64UL * 1024)

int thread_start(pthread_t *thread, void *(*run)(void *data), void *data)
{
	size_t stack = STACK_BYTES;
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	if (stack < (size_t)PTHREAD_STACK_MIN)
		stack = (size_t)PTHREAD_STACK_MIN;
	r = pthread_attr_init(&attributes);
	if (r)
		return -r;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_attr_setstacksize(&attributes, stack);
	if (r == 0)
		r = pthread_create(thread, &attributes, run, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}
