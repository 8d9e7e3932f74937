/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_KERNEL_H
#define MEMONLINE_KERNEL_H

/*
 * What a kernel cannot do, or does by itself, as far as a decision rests on it: one table says how
 * each trait is found out. Where a file of the kernel shows a trait, the file counts, since
 * distributions carry changes back; the release counts where nothing shows it.
 */

#include <stdbool.h>

#include "core/contract.h"

enum kernel_trait {
	/* To unplug memory that was online ends in a panic. */
	KERNEL_NO_HOT_REMOVE,
	/*
	 * ZONE_MOVABLE grows downwards only, from the highest block, and a block can only go to a zone
	 * beside the one it was added to.
	 */
	KERNEL_MOVABLE_FROM_TOP,
	/* It onlines what ACPI adds, and gives the DIMM up when somebody gets in between. */
	KERNEL_ONLINES_BY_ITSELF,
	/* It links each block to its node when it is made, not all of a DIMM's after the last. */
	KERNEL_LINKS_EACH_BLOCK,
	KERNEL_TRAITS
};

/* Zero is: none of them, as in every kernel from 4.19 on. */
struct kernel {
	bool has[KERNEL_TRAITS];
};

bool kernel_has(const struct kernel *kernel, enum kernel_trait trait) _nonnull_(1);
/*
 * The traits that follow from the release, for example "3.10.0-1062.el7.x86_64"; none if
 * it is not a release.
 */
void kernel_take_release(struct kernel *kernel, const char *release) _nonnull_(1);
/* The file whose first line shows the trait; NULL: the release does. */
const char *kernel_trait_file(enum kernel_trait trait);
/* The first line of that file, "" where there is none. */
void kernel_take_line(struct kernel *kernel, enum kernel_trait trait, const char *line)
	_nonnull_(1);
/* What `explain` says of it; NULL: nothing. */
const char *kernel_trait_text(enum kernel_trait trait);

#endif
