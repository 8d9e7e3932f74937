/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_AGENT_FIXTURE_H
#define MEMONLINE_AGENT_FIXTURE_H

/* memonlined's code on a fake kernel, step by step. */

#include "test.h"

#include "daemon/agent.h"
#include "fake-kernel.h"

struct fixture {
	struct fake_kernel *kernel;
	struct config config;
	struct agent_edges edges;
	struct agent *agent;
	int reported;
	void *memory; /* of the intent, where there is one */
};

int set_up(void **state);
int tear_down(void **state);
/* Blocks that the intent in `memory` has room for. */
#define INTENT_BLOCKS 1024
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

void start(struct fixture *fixture, bool dry_run);
/* The next agent will know what this one stores. Call it before start. */
void remember(struct fixture *fixture);
/* Another agent of the same boot; a killed one restores no settings. */
void restart(struct fixture *fixture, bool killed);

/* Until there is nothing left to do; fails where that never comes. */
void settle(struct fixture *fixture);
void event(struct fixture *fixture, enum uevent_action action, uint64_t index);

const struct report *report(struct fixture *fixture, uint64_t seq);
const struct report_range *first_range(struct fixture *fixture, uint64_t seq);
uint64_t last_seq(struct fixture *fixture);

#endif
