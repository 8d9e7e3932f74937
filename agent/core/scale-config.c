/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/scale-config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"

#define SECOND 1000000ull
#define DOMAIN_PREFIX "domain "
#define SECONDS_MAX 86400ull
#define PERCENT_MAX 100u
#define STEP_MIN (1ull << 20)
#define STEP_MAX (1ull << 40)

/* --- values: each false where the text is none */

static bool take_size(const char *value, void *to)
{
	return number_parse_size(value, to) && *(const uint64_t *)to <= INT64_MAX;
}

static bool take_step(const char *value, void *to)
{
	const uint64_t *bytes = to;

	return take_size(value, to) && *bytes >= STEP_MIN && *bytes <= STEP_MAX;
}

/* "30", "30s", "5m" or "1h" */
static bool take_time(const char *value, void *to)
{
	static const char units[] = "smh";
	static const uint64_t seconds[] = { 1, 60, 3600 };
	const char *end = value + strlen(value), *unit;
	uint64_t number, times = 1;

	if (!number_take(&value, end, 10, &number))
		return false;
	if (value < end) {
		unit = strchr(units, *value++);
		times = unit ? seconds[unit - units] : 0;
	}
	if (value != end || !times || number > SECONDS_MAX / times)
		return false;
	*(uint64_t *)to = number * times * SECOND;
	return true;
}

static bool take_below(const char *value, uint64_t least, uint64_t most, void *to)
{
	uint64_t number;

	if (!number_parse(value, 10, &number) || number < least || number > most)
		return false;
	*(unsigned *)to = (unsigned)number;
	return true;
}

static bool take_percent(const char *value, void *to)
{
	char digits[8];
	size_t len = strlen(value);

	if (len < 2 || len > sizeof(digits) || value[len - 1] != '%')
		return false;
	memcpy(digits, value, len - 1);
	digits[len - 1] = '\0';
	return take_below(digits, 0, PERCENT_MAX, to);
}

static bool take_ratio(const char *value, void *to)
{
	return take_below(value, 0, 100000, to);
}

static bool take_priority(const char *value, void *to)
{
	return take_below(value, 1, 1000, to);
}

static bool take_yes(const char *value, void *to)
{
	*(unsigned *)to = strcmp(value, "yes") == 0;
	return *(unsigned *)to || strcmp(value, "no") == 0;
}

static bool take_model(const char *value, void *to)
{
	enum capacity_model *model = to;

	*model = CAPACITY_ANY;
	if (strcmp(value, "dimm") == 0)
		*model = CAPACITY_DIMM;
	else if (strcmp(value, "virtio-mem") == 0)
		*model = CAPACITY_VIRTIO_MEM;
	return *model != CAPACITY_ANY || strcmp(value, "any") == 0;
}

static bool take_amount(const char *value, void *to)
{
	struct scale_amount *amount = to;

	memset(amount, 0, sizeof(*amount));
	return take_percent(value, &amount->percent) || take_size(value, &amount->bytes);
}

/* --- keys */

struct key {
	const char *name;
	bool (*take)(const char *value, void *to);
	size_t offset, size; /* in the section's struct */
	const char *expected;
};

#define MEMBER(type, member) \
	offsetof(struct type, member), sizeof(((struct type *)0)->member)
#define RULE(member) MEMBER(scale_choice, rules.member)
#define SIZE "a size, as in 512M"
#define TIME "a time, as in 30s, 5m or 1h"

static const struct key domain_keys[] = {
	{ "scale", take_yes, MEMBER(scale_choice, is_scaled), "yes or no" },
	{ "model", take_model, MEMBER(scale_choice, model), "any, dimm or virtio-mem" },
	{ "min", take_size, RULE(min), SIZE },
	{ "max", take_size, RULE(max), SIZE },
	{ "step", take_step, RULE(step), "a size from 1M to 1T" },
	{ "headroom", take_percent, RULE(headroom_percent), "a percentage, as in 15%" },
	{ "headroom-min", take_size, RULE(headroom_min), SIZE },
	{ "movable-ratio", take_ratio, RULE(movable_ratio), "percent from 0 to 100000" },
	{ "priority", take_priority, RULE(priority), "a number from 1 to 1000" },
	{ "grow-cool-down", take_time, RULE(grow_cooldown_usec), TIME },
	{ "shrink-cool-down", take_time, RULE(shrink_cooldown_usec), TIME },
	{ "calm", take_time, RULE(calm_usec), TIME },
	{ "keep", take_time, RULE(keep_usec), TIME },
	{ "confirm", take_time, RULE(confirm_usec), TIME },
};
#define DOMAIN_KEYS (sizeof(domain_keys) / sizeof(domain_keys[0]))
static const struct key host_keys[] = {
	{ "capacity", take_amount, MEMBER(scale_config, capacity),
	  "a size or a percentage" },
	{ "reserve-soft", take_amount, MEMBER(scale_config, reserve_soft),
	  "a size or a percentage" },
	{ "reserve-hard", take_amount, MEMBER(scale_config, reserve_hard),
	  "a size or a percentage" },
};
#define HOST_KEYS (sizeof(host_keys) / sizeof(host_keys[0]))

static void choice_defaults(struct scale_choice *choice)
{
	memset(choice, 0, sizeof(*choice));
	scale_rules_defaults(&choice->rules);
	choice->rules.min = choice->rules.max = 0;
	choice->is_scaled = true;
}

void scale_config_defaults(struct scale_config *config)
{
	memset(config, 0, sizeof(*config));
	config->capacity.percent = 100;
	config->reserve_soft.percent = 10;
	config->reserve_hard.percent = 5;
}

/* --- reading */

struct reading {
	struct scale_config *config;
	const char *file;
	char *error; /* SCALE_CONFIG_ERROR_SIZE bytes */
	char section[SCALE_CONFIG_PATTERN_SIZE]; /* of the line before */
	bool failed;
};

/* The message goes to terminals and logs, and the file may hold anything. */
static int fail(struct reading *reading, int line, const char *what, const char *found,
		const char *expected)
{
	char *at = reading->error;

	snprintf(at, SCALE_CONFIG_ERROR_SIZE, "%.100s:%d: %s '%.40s' (expected %s)",
		 reading->file, line, what, found, expected);
	for (; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	reading->failed = true;
	return 0;
}

static const struct key *find_key(const struct key *keys, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

/* The one in hand, or a new one where lines of another stood in between. */
static struct scale_section *open_section(struct reading *reading, const char *section)
{
	struct scale_config *config = reading->config;
	struct scale_section *last;

	if (strcmp(reading->section, section) == 0 && config->count)
		return &config->sections[config->count - 1];
	if (config->count == SCALE_CONFIG_SECTIONS_MAX)
		return NULL;
	last = &config->sections[config->count++];
	memset(last, 0, sizeof(*last));
	choice_defaults(&last->choice);
	snprintf(last->pattern, sizeof(last->pattern), "%s",
		 section + strlen(DOMAIN_PREFIX));
	return last;
}

static int take_key(struct reading *reading, int line, const struct key *keys,
		    size_t count, const char *name, const char *value, void *to,
		    uint64_t *given)
{
	const struct key *key = find_key(keys, count, name);

	if (!key)
		return fail(reading, line, "unknown key", name,
			    "one of virt-memonline.conf(5)");
	if (!key->take(value, (char *)to + key->offset))
		return fail(reading, line, key->name, value, key->expected);
	*given |= 1ull << (key - keys);
	return 1;
}

static int take_line(void *user, const char *section, const char *name, const char *value,
		     int line)
{
	struct reading *reading = user;
	struct scale_section *in;
	uint64_t unused = 0;

	/* inih goes on after an error: only the first one is reported. */
	if (reading->failed)
		return 0;
	if (strcmp(section, "host") == 0)
		return take_key(reading, line, host_keys, HOST_KEYS, name, value,
				reading->config, &unused);
	if (strncmp(section, DOMAIN_PREFIX, strlen(DOMAIN_PREFIX)) != 0 ||
	    strlen(section) >= SCALE_CONFIG_PATTERN_SIZE)
		return fail(reading, line, "unknown section", section,
			    "[host] or [domain PATTERN]");
	in = open_section(reading, section);
	if (!in)
		return fail(reading, line, "one section too many", section,
			    "at most 256");
	snprintf(reading->section, sizeof(reading->section), "%s", section);
	return take_key(reading, line, domain_keys, DOMAIN_KEYS, name, value, &in->choice,
			&in->given);
}

/* --- inih, which may or may not tell the line */

struct stream {
	struct reading *reading;
	const char *next; /* what is not read yet */
	int line;
};

static char *next_line(char *to, int size, void *data)
{
	struct stream *stream = data;
	size_t len = strcspn(stream->next, "\n");

	if (!*stream->next)
		return NULL;
	stream->line++;
	/* inih would cut it, and go on with the rest as a line of its own. */
	if (len + 1 >= (size_t)size) {
		if (!stream->reading->failed)
			fail(stream->reading, stream->line, "a line that is too long", "",
			     "at most 190 bytes");
		to[0] = '\0';
	} else {
		memcpy(to, stream->next, len);
		to[len] = '\0';
	}
	stream->next += strcspn(stream->next, "\n");
	stream->next += *stream->next == '\n';
	return to;
}

static int on_line(void *user, const char *section, const char *name, const char *value)
{
	struct stream *stream = user;

	return take_line(stream->reading, section, name ? name : "", value ? value : "",
			 stream->line);
}

int scale_config_add(struct scale_config *config, const char *file, const char *text,
		     char error[SCALE_CONFIG_ERROR_SIZE])
{
	struct reading reading;
	struct stream stream = { &reading, text, 0 };
	int bad;

	memset(&reading, 0, sizeof(reading));
	reading.config = config;
	reading.file = file;
	reading.error = error;
	bad = ini_parse_stream(next_line, &stream, on_line, &stream);
	if (bad && !reading.failed)
		fail(&reading, bad > 0 ? bad : 0, "a line that is no assignment", "",
		     "KEY = VALUE");
	return reading.failed ? -EINVAL : 0;
}

/* --- asking */

/* '*' is any run of characters, '?' is one. */
static bool matches(const char *pattern, const char *name)
{
	const char *star = NULL, *again = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			again = name;
		} else if (*pattern == '?' || *pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static void overlay(struct scale_choice *choice, const struct scale_section *section)
{
	size_t i;

	for (i = 0; i < DOMAIN_KEYS; i++)
		if (section->given >> i & 1)
			memcpy((char *)choice + domain_keys[i].offset,
			       (const char *)&section->choice + domain_keys[i].offset,
			       domain_keys[i].size);
}

bool scale_config_find(const struct scale_config *config, const char *domain,
		       struct scale_choice *choice)
{
	bool found = false;
	size_t i;

	choice_defaults(choice);
	for (i = 0; i < config->count; i++) {
		if (!matches(config->sections[i].pattern, domain))
			continue;
		overlay(choice, &config->sections[i]);
		found = true;
	}
	return found && choice->is_scaled;
}

uint64_t scale_config_bytes(const struct scale_amount *amount, uint64_t host_bytes)
{
	return amount->percent ? host_bytes / 100 * amount->percent : amount->bytes;
}
