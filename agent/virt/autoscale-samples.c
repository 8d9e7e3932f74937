/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "autoscale.h"
#include "io/replace.h"

/* The file has so many lines more than there are samples, at most, and at most as many again. */
#define LINES_SPARE 1024

static int path_of(const char *state, char path[PATH_MAX])
{
	int len = snprintf(path, PATH_MAX, "%s.samples", state);

	return len < 0 || len >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* --- reading */

typedef void (*sample_fn)(const char *uuid, const struct sample *sample, void *data);

/* Damaged lines are left out: the last one may be half of one. 0 or negative errno. */
static int read_lines(const char *state, sample_fn fn, void *data)
{
	char path[PATH_MAX], line[SAMPLES_LINE_MAX], uuid[SAMPLES_NAME_SIZE];
	struct sample sample;
	bool whole = true;
	int r = path_of(state, path);
	FILE *in = r == 0 ? fopen(path, "re") : NULL;

	if (!in)
		return r < 0 ? r : errno == ENOENT ? 0 : -errno;
	while (fgets(line, sizeof(line), in)) {
		size_t len = strcspn(line, "\n");
		bool ends = line[len] == '\n';

		line[len] = '\0';
		if (whole && ends && samples_take_line(line, uuid, &sample))
			fn(uuid, &sample, data);
		whole = ends;
	}
	r = ferror(in) ? -EIO : 0;
	fclose(in);
	return r;
}

struct search {
	const char *uuid;
	struct samples *samples;
};

static void take_wanted(const char *uuid, const struct sample *sample, void *data)
{
	const struct search *search = data;

	if (strcmp(uuid, search->uuid) == 0)
		samples_add(search->samples, sample);
}

int autoscale_read_samples(const char *state, const char *uuid, struct samples *samples)
{
	struct search search = { uuid, samples };

	memset(samples, 0, sizeof(*samples));
	return read_lines(state, take_wanted, &search);
}

/* --- of the service */

struct reading {
	struct scaler *scaler;
	size_t at; /* whose the last line was: mostly, the next one is, too */
};

static void take_line(const char *uuid, const struct sample *sample, void *data)
{
	struct reading *reading = data;
	const struct scaler *scaler = reading->scaler;
	size_t i;

	for (i = 0; i < scaler->count; i++) {
		size_t at = (reading->at + i) % scaler->count;
		struct keeper *keeper = scaler->keepers[at];

		if (strcmp(keeper->record.uuid, uuid) != 0)
			continue;
		reading->at = at;
		samples_add(&keeper->samples, sample);
		return;
	}
}

static size_t put_all(const struct scaler *scaler, struct text *out)
{
	size_t lines = 0, i, j;

	for (i = 0; i < scaler->count; i++) {
		const struct keeper *keeper = scaler->keepers[i];

		for (j = 0; j < keeper->samples.count; j++) {
			samples_put_line(out, keeper->record.uuid,
					 samples_at(&keeper->samples, j));
			lines++;
		}
	}
	return lines;
}

/* Without what has left the rings, and without damaged lines. */
static int write_anew(struct scaler *scaler)
{
	struct text text = TEXT_INIT;
	char path[PATH_MAX];
	int r = path_of(scaler->state, path);

	scaler->kept_lines = scaler->sample_lines = put_all(scaler, &text);
	if (text.failed)
		r = -ENOMEM;
	if (r == 0)
		r = replace_file(path, &text);
	text_free(&text);
	return r;
}

static int append(const struct scaler *scaler, const struct text *line)
{
	char path[PATH_MAX];
	int r = path_of(scaler->state, path), fd;

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	/* A line that does not fit is one that is damaged. */
	if (write(fd, line->data, line->len) != (ssize_t)line->len)
		r = errno ? -errno : -EIO;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int store(struct scaler *scaler, const struct keeper *keeper,
		 const struct sample *sample)
{
	struct text line = TEXT_INIT;
	int r;

	if (scaler->sample_lines > 2 * scaler->kept_lines + LINES_SPARE)
		return write_anew(scaler);
	samples_put_line(&line, keeper->record.uuid, sample);
	scaler->sample_lines++;
	errno = 0;
	r = line.failed ? -ENOMEM : append(scaler, &line);
	text_free(&line);
	return r;
}

/* Once for each error: it is not what the service is there for. */
static void log_result(struct scaler *scaler, int r)
{
	if (r < 0 && r != scaler->samples_error)
		virt_say(scaler->virt, "%s.samples: %s; ignoring", scaler->state,
			 strerror(-r));
	scaler->samples_error = r;
}

void autoscale_open_samples(struct scaler *scaler)
{
	struct reading reading = { scaler, 0 };
	int r = read_lines(scaler->state, take_line, &reading);

	if (r == 0)
		r = write_anew(scaler);
	log_result(scaler, r);
}

void autoscale_add_sample(struct keeper *keeper, uint64_t now_usec)
{
	const struct scale_facts *facts = &keeper->guest->facts;
	bool is_present = facts->presence == SCALE_PRESENT;
	struct sample sample = {
		.time_usec = now_usec,
		.given = facts->given,
		.online = facts->confirmed,
		.available = is_present ? facts->stats.available : STATS_UNKNOWN,
		.stalled_usec = is_present ? facts->stats.some.total_usec : STATS_UNKNOWN,
		.oom_kills = is_present ? facts->stats.oom_kills : STATS_UNKNOWN,
	};

	if (!keeper->scaler->state || !samples_add(&keeper->samples, &sample))
		return;
	log_result(keeper->scaler, store(keeper->scaler, keeper, &sample));
}
