/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/iomem.h"
#include "core/number.h"

void evidence_clear(struct evidence *evidence)
{
	free(evidence->taken);
	memset(evidence, 0, sizeof(*evidence));
}

bool evidence_overlaps(const struct evidence_range *a, uint64_t start, uint64_t size)
{
	return a->start <= start + (size - 1) && start <= a->start + (a->size - 1);
}

bool evidence_holds(const struct evidence_range *a, uint64_t start, uint64_t size)
{
	return start >= a->start && start + (size - 1) <= a->start + (a->size - 1);
}

static bool is_range(uint64_t start, uint64_t size)
{
	return size && start <= UINT64_MAX - (size - 1);
}

int evidence_take_srat(struct evidence *evidence, const uint8_t *bytes, size_t len)
{
	int count = srat_parse(bytes, len, evidence->srat);

	if (count < 0)
		return count;
	evidence->srat_count = (size_t)count;
	evidence->has_srat = true;
	return 0;
}

/* --- /proc/iomem */

static bool is_memory(const struct iomem_line *line)
{
	return strncmp(line->name, "System RAM", 10) == 0 && line->last > line->first;
}

static int parse_iomem(const char *text, size_t len, struct evidence_range *taken,
		       size_t *count)
{
	bool any_memory = false;
	struct iomem_line line;
	int r;

	*count = 0;
	while ((r = iomem_next(&text, &len, &line)) > 0) {
		if (*count == EVIDENCE_TAKEN_MAX)
			return -E2BIG;
		/* The whole of the address space is nothing that a kernel shows. */
		if (line.last - line.first == UINT64_MAX)
			return -EINVAL;
		taken[*count].start = line.first;
		taken[(*count)++].size = line.last - line.first + 1;
		any_memory = any_memory || is_memory(&line);
	}
	return r < 0 ? r : any_memory ? 0 : -EACCES;
}

int evidence_take_iomem(struct evidence *evidence, const char *text, size_t len)
{
	struct evidence_range *taken = calloc(EVIDENCE_TAKEN_MAX, sizeof(*taken));
	size_t count;
	int r;

	if (!taken)
		return -ENOMEM;
	r = parse_iomem(text, len, taken, &count);
	if (r < 0) {
		free(taken);
		return r;
	}
	free(evidence->taken);
	evidence->taken = taken;
	evidence->taken_count = count;
	evidence->has_iomem = true;
	return 0;
}

/* --- NFIT */

#define NFIT_BYTES 40 /* header 36, reserved 4 */
#define NFIT_RANGE 0 /* the type of a system physical address range */
#define NFIT_RANGE_BYTES 56

static uint64_t number_at(const uint8_t *bytes, unsigned count)
{
	uint64_t number = 0;

	while (count--)
		number = number << 8 | bytes[count];
	return number;
}

static bool table_is_whole(const uint8_t *bytes, size_t len, const char *signature,
			   size_t least)
{
	uint8_t sum = 0;
	size_t i;

	if (len < least || memcmp(bytes, signature, 4) != 0 ||
	    number_at(bytes + 4, 4) != len)
		return false;
	for (i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

static int parse_nfit(const uint8_t *bytes, size_t len, struct evidence_range *found,
		      size_t *count)
{
	size_t at, size;

	for (at = NFIT_BYTES; at < len; at += size) {
		size = len - at < 4 ? 0 : (size_t)number_at(bytes + at + 2, 2);
		if (size < 4 || size > len - at)
			return -EINVAL;
		if (number_at(bytes + at, 2) != NFIT_RANGE)
			continue;
		if (size < NFIT_RANGE_BYTES)
			return -EINVAL;
		if (*count == EVIDENCE_NFIT_MAX)
			return -E2BIG;
		found[*count].start = number_at(bytes + at + 32, 8);
		found[*count].size = number_at(bytes + at + 40, 8);
		if (!is_range(found[*count].start, found[*count].size))
			return -EINVAL;
		(*count)++;
	}
	return 0;
}

int evidence_take_nfit(struct evidence *evidence, const uint8_t *bytes, size_t len)
{
	struct evidence_range found[EVIDENCE_NFIT_MAX];
	size_t count = 0;
	int r;

	if (!table_is_whole(bytes, len, "NFIT", NFIT_BYTES))
		return -EINVAL;
	r = parse_nfit(bytes, len, found, &count);
	if (r < 0)
		return r;
	memcpy(evidence->nfit, found, count * sizeof(found[0]));
	evidence->nfit_count = count;
	evidence->has_nfit = true;
	return 0;
}

/* --- /proc/cpuinfo */

int evidence_take_cpuinfo(struct evidence *evidence, const char *text)
{
	static const char label[] = "address sizes", unit[] = " bits physical,";
	const char *end = text + strlen(text);
	uint64_t bits, least = 0;

	while ((text = strstr(text, label))) {
		text += sizeof(label) - 1;
		text += strspn(text, " \t:");
		if (!number_take(&text, end, 10, &bits) ||
		    strncmp(text, unit, sizeof(unit) - 1) != 0 || bits < 32 || bits > 64)
			return -EINVAL;
		if (!least || bits < least)
			least = bits;
	}
	if (!least)
		return -ENOENT;
	evidence->address_bits = (unsigned)least;
	return 0;
}

/* --- the controller */

#define FLAG_ENABLED 1u
#define FLAG_INSERTING 2u
#define FLAG_REMOVING 4u

static uint64_t wide(const uint32_t *words)
{
	return (uint64_t)words[1] << 32 | words[0];
}

static bool is_empty(const uint32_t words[EVIDENCE_WORDS])
{
	size_t i;

	for (i = 0; i < EVIDENCE_WORDS; i++)
		if (words[i])
			return false;
	return true;
}

int evidence_take_slot(struct evidence *evidence, const uint32_t words[EVIDENCE_WORDS])
{
	struct evidence_range dimm;
	size_t i;

	if (is_empty(words))
		return 0;
	if (words[EVIDENCE_FLAGS] & ~(FLAG_ENABLED | FLAG_INSERTING | FLAG_REMOVING))
		return -EINVAL;
	if (words[EVIDENCE_FLAGS] & (FLAG_INSERTING | FLAG_REMOVING))
		return -EAGAIN;
	dimm.start = wide(words + EVIDENCE_ADDRESS_LOW);
	dimm.size = wide(words + EVIDENCE_SIZE_LOW);
	if (words[EVIDENCE_FLAGS] != FLAG_ENABLED || !is_range(dimm.start, dimm.size) ||
	    evidence->dimm_count == EVIDENCE_SLOTS_MAX)
		return -EINVAL;
	for (i = 0; i < evidence->dimm_count; i++)
		if (evidence_overlaps(&evidence->dimms[i], dimm.start, dimm.size))
			return -EINVAL;
	evidence->dimms[evidence->dimm_count++] = dimm;
	return 0;
}

#define HEADER_BYTES 36

bool evidence_is_qemu_dsdt(const uint8_t *bytes, size_t len)
{
	return len >= HEADER_BYTES && memcmp(bytes, "DSDT", 4) == 0 &&
	       memcmp(bytes + 10, "BOCHS BXPC    ", 14) == 0;
}

bool evidence_dsdt_has_controller(const uint8_t *bytes, size_t len)
{
	/* ACPI 6.5, 6.4.2.5, I/O port descriptor: 16 bits decoded, from, to, alignment, length. */
	static const uint8_t ports[] = { 0x47, 1, 0, 0x0a, 0, 0x0a, 0, 0x18 };

	return evidence_is_qemu_dsdt(bytes, len) && memmem(bytes, len, "MHPD", 4) &&
	       memmem(bytes, len, ports, sizeof(ports));
}

bool evidence_is_qemu_slot(const char *path)
{
	static const char digits[] = "0123456789ABCDEF";

	/* MHPD: before QEMU 2.9 */
	if (strncmp(path, "\\_SB_.MHPC.MP", 13) != 0 &&
	    strncmp(path, "\\_SB_.MHPD.MP", 13) != 0)
		return false;
	path += 13;
	return strspn(path, digits) == 2 && !path[2];
}
