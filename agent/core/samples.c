/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/samples.h"

#include <string.h>

#include "core/number.h"

#define WHOLE 10000 /* hundredths of a percent */

const struct sample *samples_at(const struct samples *samples, size_t at)
{
	return &samples->ring[(samples->first + at) % SAMPLES_MAX];
}

/* Also a guest that was started again, whose size is the same. */
static bool is_wanted(const struct samples *samples, const struct sample *sample)
{
	const struct sample *last;

	if (!samples->count)
		return true;
	last = samples_at(samples, samples->count - 1);
	if (sample->time_usec <= last->time_usec)
		return false;
	return sample->given != last->given ||
	       sample->time_usec - last->time_usec >= SAMPLES_APART_USEC;
}

bool samples_add(struct samples *samples, const struct sample *sample)
{
	if (!is_wanted(samples, sample))
		return false;
	if (samples->count < SAMPLES_MAX)
		samples->count++;
	else
		samples->first = (samples->first + 1) % SAMPLES_MAX;
	samples->ring[(samples->first + samples->count - 1) % SAMPLES_MAX] = *sample;
	return true;
}

uint64_t samples_stall(const struct sample *before, const struct sample *after)
{
	uint64_t elapsed = after->time_usec - before->time_usec, stalled;

	if (before->stalled_usec == STATS_UNKNOWN ||
	    after->stalled_usec == STATS_UNKNOWN || !elapsed)
		return STATS_UNKNOWN;
	/* A guest that was started again counts anew; one that lies stays within its time. */
	if (after->stalled_usec < before->stalled_usec)
		return 0;
	stalled = after->stalled_usec - before->stalled_usec;
	return stalled >= elapsed ? WHOLE
				  : (uint64_t)((double)stalled * WHOLE / (double)elapsed);
}

/* --- lines: the name, and the numbers in the order of struct sample */

#define NUMBERS 6

static void put_number(struct text *out, uint64_t number)
{
	text_puts(out, " ");
	if (number == STATS_UNKNOWN)
		text_puts(out, "-");
	else
		text_putu(out, number);
}

void samples_put_line(struct text *out, const char *name, const struct sample *sample)
{
	text_puts(out, name);
	put_number(out, sample->time_usec);
	put_number(out, sample->given);
	put_number(out, sample->online);
	put_number(out, sample->available);
	put_number(out, sample->stalled_usec);
	put_number(out, sample->oom_kills);
	text_puts(out, "\n");
}

/* A blank and a number, or a blank and "-". */
static bool take_number(const char **at, uint64_t *number)
{
	if (*(*at)++ != ' ')
		return false;
	if (**at != '-')
		return number_take(at, *at + strlen(*at), 10, number);
	*number = STATS_UNKNOWN;
	(*at)++;
	return true;
}

bool samples_take_line(const char *line, char name[SAMPLES_NAME_SIZE],
		       struct sample *sample)
{
	size_t len = strcspn(line, " "), i;
	const char *at = line + len;
	uint64_t numbers[NUMBERS];

	if (!len || len >= SAMPLES_NAME_SIZE || !*at)
		return false;
	for (i = 0; i < NUMBERS; i++)
		if (!*at || !take_number(&at, &numbers[i]))
			return false;
	if (*at || numbers[0] == STATS_UNKNOWN || numbers[1] == STATS_UNKNOWN ||
	    numbers[2] == STATS_UNKNOWN)
		return false;
	memcpy(name, line, len);
	name[len] = '\0';
	sample->time_usec = numbers[0];
	sample->given = numbers[1];
	sample->online = numbers[2];
	sample->available = numbers[3];
	sample->stalled_usec = numbers[4];
	sample->oom_kills = numbers[5];
	return true;
}
