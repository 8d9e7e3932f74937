/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/scale-config.h"

#define MIB (1024ull * 1024)
#define GIB (1024 * MIB)
#define SECOND 1000000ull

static struct scale_config config;
static char error[SCALE_CONFIG_ERROR_SIZE];

static int add(const char *text)
{
	error[0] = '\0';
	return scale_config_add(&config, "F", text, error);
}

/* As virt-memonline.conf(5) has them. */
static void has_the_documented_defaults(void **state)
{
	(void)state;
	memset(&config, 0xff, sizeof(config));
	scale_config_defaults(&config);
	assert_int_equal(config.capacity.percent, 100);
	assert_int_equal(config.reserve_soft.percent, 10);
	assert_int_equal(config.reserve_hard.percent, 5);
	assert_int_equal(config.count, 0);
}

static void refuses_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "max = 1G\n", "F:1: unknown section '' (expected [host] or [domain "
				"PATTERN])" },
		{ "[web]\nmax = 1G\n", "F:2: unknown section 'web' (expected [host] or "
				       "[domain PATTERN])" },
		{ "[host]\nmax = 1G\n", "F:2: unknown key 'max' (expected one of "
					"virt-memonline.conf(5))" },
		{ "[domain a]\nmaximum = 1G\n", "F:2: unknown key 'maximum' (expected "
						"one of virt-memonline.conf(5))" },
		{ "[domain a]\nmax = 1 G\n",
		  "F:2: max '1 G' (expected a size, as in 512M)" },
		{ "[domain a]\nmax =\n", "F:2: max '' (expected a size, as in 512M)" },
		{ "[domain a]\nmax = 9999999999G\n",
		  "F:2: max '9999999999G' (expected a size, as in 512M)" },
		{ "[domain a]\nstep = 0\n",
		  "F:2: step '0' (expected a size from 1M to 1T)" },
		{ "[domain a]\nheadroom = 15\n",
		  "F:2: headroom '15' (expected a percentage, as in 15%)" },
		{ "[domain a]\nheadroom = 101%\n",
		  "F:2: headroom '101%' (expected a percentage, as in 15%)" },
		{ "[domain a]\nheadroom = %\n",
		  "F:2: headroom '%' (expected a percentage, as in 15%)" },
		{ "[domain a]\nheadroom = 000000000%\n",
		  "F:2: headroom '000000000%' (expected a percentage, as in 15%)" },
		{ "[domain a]\npriority = 0\n",
		  "F:2: priority '0' (expected a number from 1 to 1000)" },
		{ "[domain a]\ncalm = 5d\n",
		  "F:2: calm '5d' (expected a time, as in 30s, 5m or 1h)" },
		{ "[domain a]\ncalm = 25h\n",
		  "F:2: calm '25h' (expected a time, as in 30s, 5m or 1h)" },
		{ "[domain a]\ncalm = 5ms\n",
		  "F:2: calm '5ms' (expected a time, as in 30s, 5m or 1h)" },
		{ "[domain a]\nscale = maybe\n",
		  "F:2: scale 'maybe' (expected yes or no)" },
		{ "[domain a]\nmodel = nvdimm\n",
		  "F:2: model 'nvdimm' (expected any, dimm or virtio-mem)" },
		{ "[host]\nreserve-hard = 101%\n",
		  "F:2: reserve-hard '101%' (expected a size or a percentage)" },
		{ "[domain a]\nmax = 1G\nnonsense\n",
		  "F:3: a line that is no assignment '' (expected KEY = VALUE)" },
		{ "[domain a]\nmax\x1b = 1G\n",
		  "F:2: unknown key 'max?' (expected one of virt-memonline.conf(5))" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scale_config_defaults(&config);
		assert_int_equal(add(rows[i].text), -EINVAL);
		assert_string_equal(error, rows[i].error);
	}
}

static void a_long_line_is_an_error_and_not_two(void **state)
{
	char text[400] = "[domain a]\n";

	(void)state;
	memset(text + strlen(text), 'x', 300);
	scale_config_defaults(&config);
	assert_int_equal(add(text), -EINVAL);
	assert_string_equal(error,
			    "F:2: a line that is too long '' (expected at most 190 "
			    "bytes)");
}

static void too_many_sections_are_an_error(void **state)
{
	static char text[SCALE_CONFIG_SECTIONS_MAX * 32];
	size_t len = 0, i;

	(void)state;
	for (i = 0; i < SCALE_CONFIG_SECTIONS_MAX + 1; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"[domain d%zu]\nmax=1G\n", i);
	scale_config_defaults(&config);
	assert_int_equal(add(text), -EINVAL);
	assert_non_null(strstr(error, "one section too many 'domain d256'"));
}

static void who_is_not_named_is_left_alone(void **state)
{
	struct scale_choice choice;

	(void)state;
	scale_config_defaults(&config);
	assert_false(scale_config_find(&config, "a", &choice));
	assert_int_equal(add("[domain b]\nmax = 1G\n[domain c]\nscale = no\n"), 0);
	assert_false(scale_config_find(&config, "a", &choice));
	assert_false(scale_config_find(&config, "c", &choice));
	assert_true(scale_config_find(&config, "b", &choice));
	assert_int_equal(choice.rules.max, GIB);
	assert_int_equal(choice.rules.min, 0);
	assert_int_equal(choice.rules.step, 256 * MIB);
}

static void later_sections_stand(void **state)
{
	struct scale_choice choice;

	(void)state;
	scale_config_defaults(&config);
	assert_int_equal(add("[domain *]\nmax = 4G\npriority = 2\nscale = yes\n"
			     "[domain web-*]\nmax = 8G\n"
			     "[domain web-test]\nscale = no\n"),
			 0);
	assert_int_equal(add("[domain web-1]\npriority = 7\n"), 0);
	assert_true(scale_config_find(&config, "web-1", &choice));
	assert_int_equal(choice.rules.max, 8 * GIB);
	assert_int_equal(choice.rules.priority, 7);
	assert_false(scale_config_find(&config, "web-test", &choice));
	assert_true(scale_config_find(&config, "db", &choice));
	assert_int_equal(choice.rules.max, 4 * GIB);
	assert_int_equal(choice.rules.priority, 2);
}

static void patterns_match_as_they_should(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} rows[] = {
		{ "*", "", true },	  { "*", "a", true },
		{ "a", "ab", false },	  { "ab", "a", false },
		{ "a*", "a", true },	  { "a*b", "axxb", true },
		{ "a*b", "axxc", false }, { "*b*", "abc", true },
		{ "?", "a", true },	  { "?", "", false },
		{ "a?c", "abc", true },	  { "*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaa", false },
		{ "**", "x", true },
	};
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scale_choice choice;

		snprintf(text, sizeof(text), "[domain %s]\nmax = 1G\n", rows[i].pattern);
		scale_config_defaults(&config);
		assert_int_equal(add(text), 0);
		assert_int_equal(scale_config_find(&config, rows[i].name, &choice),
				 rows[i].matches);
	}
}

static void every_key_is_read(void **state)
{
	struct scale_choice choice;

	(void)state;
	scale_config_defaults(&config);
	assert_int_equal(
		add("; a comment\n[host]\ncapacity = 60G\nreserve-soft = 6G\n"
		    "reserve-hard = 5%\n[domain a]\nmodel = virtio-mem\nmin = 1G\n"
		    "max = 2G\nstep = 128M\nheadroom = 20%\nheadroom-min = 64M\n"
		    "movable-ratio = 301\npriority = 3\ngrow-cool-down = 1\n"
		    "shrink-cool-down = 2s\ncalm = 3m\nkeep = 1h\nconfirm = 40s\n"),
		0);
	assert_true(scale_config_find(&config, "a", &choice));
	assert_int_equal(choice.model, CAPACITY_VIRTIO_MEM);
	assert_int_equal(choice.rules.min, GIB);
	assert_int_equal(choice.rules.max, 2 * GIB);
	assert_int_equal(choice.rules.step, 128 * MIB);
	assert_int_equal(choice.rules.headroom_percent, 20);
	assert_int_equal(choice.rules.headroom_min, 64 * MIB);
	assert_int_equal(choice.rules.movable_ratio, 301);
	assert_int_equal(choice.rules.priority, 3);
	assert_int_equal(choice.rules.grow_cooldown_usec, SECOND);
	assert_int_equal(choice.rules.shrink_cooldown_usec, 2 * SECOND);
	assert_int_equal(choice.rules.calm_usec, 180 * SECOND);
	assert_int_equal(choice.rules.keep_usec, 3600 * SECOND);
	assert_int_equal(choice.rules.confirm_usec, 40 * SECOND);
	assert_int_equal(scale_config_bytes(&config.capacity, 100 * GIB), 60 * GIB);
	assert_int_equal(scale_config_bytes(&config.reserve_soft, 100 * GIB), 6 * GIB);
	assert_int_equal(scale_config_bytes(&config.reserve_hard, 100 * GIB), 5 * GIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_the_documented_defaults),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(a_long_line_is_an_error_and_not_two),
		cmocka_unit_test(too_many_sections_are_an_error),
		cmocka_unit_test(who_is_not_named_is_left_alone),
		cmocka_unit_test(later_sections_stand),
		cmocka_unit_test(patterns_match_as_they_should),
		cmocka_unit_test(every_key_is_read),
	};

	return cmocka_run_group_tests_name("scale-config", tests, NULL, NULL);
}
