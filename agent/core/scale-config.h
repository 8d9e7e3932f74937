/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SCALE_CONFIG_H
#define MEMONLINE_SCALE_CONFIG_H

/*
 * virt-memonline.conf(5): which domains of a host are scaled, and by which rules.
 *
 *   [host]
 *   reserve-hard = 5%
 *   [domain web-*]
 *   max = 8G
 *
 * Every section whose pattern matches a domain counts, in the order of the files and lines: what a
 * later one says stands. A domain that no section matches is left alone.
 */

#include "core/capacity.h"
#include "core/scale.h"

#define SCALE_CONFIG_ERROR_SIZE 256
#define SCALE_CONFIG_SECTIONS_MAX 256
#define SCALE_CONFIG_PATTERN_SIZE 128

/* What one section gives; of `given` 1 << its key's place in the table. */
struct scale_section {
	char pattern[SCALE_CONFIG_PATTERN_SIZE];
	struct scale_choice {
		struct scale_rules rules; /* min, max 0: as the domain has them */
		enum capacity_model model;
		unsigned is_scaled; /* scale = yes */
	} choice;
	uint64_t given;
};

/* A size, or a part of the host's memory. */
struct scale_amount {
	uint64_t bytes;
	unsigned percent; /* where it is not 0 */
};

struct scale_config {
	struct scale_amount capacity; /* = 100%, for all guests together */
	struct scale_amount reserve_soft; /* = 10% */
	struct scale_amount reserve_hard; /* = 5% */
	struct scale_section sections[SCALE_CONFIG_SECTIONS_MAX];
	size_t count;
};

void scale_config_defaults(struct scale_config *config) _nonnull_(1);
/*
 * What `text`, which ends with NUL, says beside the files before it. 0, or -EINVAL with `error`
 * saying "FILE:LINE: …"; *config may then be half changed.
 */
int scale_config_add(struct scale_config *config, const char *file, const char *text,
		     char error[SCALE_CONFIG_ERROR_SIZE]) _must_check_
	_nonnull_(1, 2, 3, 4);
/* The rules for a domain; false: it is left alone. */
bool scale_config_find(const struct scale_config *config, const char *domain,
		       struct scale_choice *choice) _must_check_ _nonnull_(1, 2, 3);
/* Of a host with that much memory. */
uint64_t scale_config_bytes(const struct scale_amount *amount, uint64_t host_bytes)
	_nonnull_(1);

#endif
