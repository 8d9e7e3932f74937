/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

/*
 * A snapshot of the whole guest: its clock, kernel, udevd, port and files, memonlined and its memory.
 * Hosts are not in it. It is taken between two rounds of memonlined's loop, and put back within any
 * of its effects.
 */
#define PIECES_MAX 40

static struct {
	struct snapshot_piece {
		void *start, *kept;
		size_t bytes;
	} pieces[PIECES_MAX];
	size_t count; /* 0: none is taken */
} snapshot;

void snapshot_begin(void)
{
	while (snapshot.count)
		free(snapshot.pieces[--snapshot.count].kept);
}

bool snapshot_is_taken(void)
{
	return snapshot.count != 0;
}

void snapshot_add(void *start, size_t bytes)
{
	struct snapshot_piece *piece = &snapshot.pieces[snapshot.count];

	if (snapshot.count == PIECES_MAX) {
		sim_fail("simulator", "more than %d pieces", PIECES_MAX);
		return;
	}
	piece->kept = malloc(bytes ? bytes : 1);
	if (!piece->kept)
		exit(2);
	snapshot.count++;
	memcpy(piece->kept, start, bytes);
	piece->start = start;
	piece->bytes = bytes;
}

void snapshot_take(void)
{
	snapshot_begin();
	sim_add_to_snapshot();
	sim_memory_add_to_snapshot();
	kernel_add_to_snapshot();
	writer_add_to_snapshot();
	events_add_to_snapshot();
	port_add_to_snapshot();
	oracle_add_to_snapshot();
	files_add_to_snapshot();
	life_add_to_snapshot();
	sim_trace("a snapshot of the guest is taken");
}

void snapshot_put_back(void)
{
	uint64_t was_usec = sim.now_usec;
	size_t i;

	sim_memory_reset();
	for (i = 0; i < snapshot.count; i++)
		memcpy(snapshot.pieces[i].start, snapshot.pieces[i].kept,
		       snapshot.pieces[i].bytes);
	/* The script goes on; the guest's clock is as it was. */
	if (sim.script_due_usec != UINT64_MAX)
		sim.script_due_usec -= was_usec - sim.now_usec;
	sim_trace("the snapshot is put back");
	snapshot_begin();
	oracle_event();
}
