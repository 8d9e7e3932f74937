/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autoscale.h"
#include "core/plot.h"
#include "ctl/print.h"

#define WIDTH 80 /* where there is no terminal */
#define USEC_PER_SEC 1000000

struct search {
	const char *name; /* or UUID */
	struct scale_record record; /* no UUID: not found */
};

/* Of several that had the name, the last. */
static void look_at(const struct scale_record *record, void *data)
{
	struct search *search = data;

	if (strcmp(record->name, search->name) != 0 &&
	    strcmp(record->uuid, search->name) != 0)
		return;
	if (!*search->record.uuid || record->time_usec >= search->record.time_usec)
		search->record = *record;
}

/*
 * As it was last measured: "web: 3G given, 2.9G online, 1G available, steady (enough),
 * 2025-01-31T12:00:00Z".
 */
static void put_title(struct text *out, const struct scale_record *record)
{
	print_escaped(out, record->name);
	text_puts(out, ": ");
	print_size(out, record->given, false);
	text_puts(out, " given, ");
	print_size(out, record->confirmed, false);
	text_puts(out, " online, ");
	if (record->available != STATS_UNKNOWN) {
		print_size(out, record->available, false);
		text_puts(out, " available, ");
	}
	text_printf(out, "%s (%s), ", scale_state_text(record->memory.state),
		    record->reason);
	print_time(out, (int64_t)(record->time_usec / USEC_PER_SEC));
}

static bool is_utf8(void)
{
	return setlocale(LC_CTYPE, "") && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int draw(const struct virt *virt, const struct scale_record *record,
		const struct samples *samples)
{
	struct text title = TEXT_INIT, out = TEXT_INIT;
	unsigned width = virt->table.line_max ? virt->table.line_max : WIDTH;
	int r = VIRT_DONE;

	put_title(&title, record);
	if (!title.failed && virt->options.svg)
		plot_put_svg(&out, title.data, samples);
	else if (!title.failed)
		plot_put_text(&out, title.data, samples, width, is_utf8());
	if (title.failed || out.failed)
		r = virt_fail(virt, VIRT_FAILED, "out of memory");
	else
		fputs(out.data, stdout);
	text_free(&title);
	text_free(&out);
	return r;
}

static int plot(const struct virt *virt, const char *state, struct samples *samples)
{
	struct search search = { .name = virt->words[0] };
	int r = autoscale_read_state(state, look_at, &search);

	if (r < 0)
		return virt_fail(virt, VIRT_FAILED, "%s: %s", state, strerror(-r));
	if (!*search.record.uuid)
		return virt_fail(virt, VIRT_FAILED,
				 "domain %s: autoscale has not seen it (%s)", search.name,
				 state);
	r = autoscale_read_samples(state, search.record.uuid, samples);
	if (r < 0)
		return virt_fail(virt, VIRT_FAILED, "%s.samples: %s", state,
				 strerror(-r));
	if (!samples->count)
		return virt_fail(virt, VIRT_FAILED, "domain %s: no samples in %s.samples",
				 search.name, state);
	return draw(virt, &search.record, samples);
}

int virt_plot(struct virt *virt)
{
	const char *state = virt->options.state ? virt->options.state : AUTOSCALE_STATE;
	struct samples *samples = malloc(sizeof(*samples));
	int r = samples ? plot(virt, state, samples)
			: virt_fail(virt, VIRT_FAILED, "out of memory");

	free(samples);
	return r;
}
