/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/kernel.h"

static void the_release_tells(void **state)
{
	static const struct {
		const char *release;
		bool no_hot_remove, movable_from_top;
	} rows[] = {
		{ "2.6.32-642.6.2.el6.x86_64", true, true },
		{ "3.0.0", false, true },
		{ "3.10.0-1062.el7.x86_64", false, true },
		{ "4.12.14-lp151.28.36-default", false, true },
		{ "4.13.0", false, false },
		{ "4.18.0-80.el8.x86_64", false, false },
		{ "6.1.0-18-amd64", false, false },
		{ "10.0", false, false },
		/* Not a release: nothing is known of it. */
		{ "", false, false },
		{ "3", false, false },
		{ "x.y", false, false },
	};
	struct kernel kernel;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&kernel, 0xff, sizeof(kernel));
		kernel.has[KERNEL_ONLINES_BY_ITSELF] = false;
		kernel_take_release(&kernel, rows[i].release);
		assert_int_equal(kernel_has(&kernel, KERNEL_NO_HOT_REMOVE),
				 rows[i].no_hot_remove);
		assert_int_equal(kernel_has(&kernel, KERNEL_MOVABLE_FROM_TOP),
				 rows[i].movable_from_top);
		assert_false(kernel_has(&kernel, KERNEL_ONLINES_BY_ITSELF));
	}
}

static void from_4_19_on_all_blocks_are_linked_at_the_end(void **state)
{
	struct kernel kernel = { { false } };

	(void)state;
	kernel_take_release(&kernel, "4.18.0-553.el8.x86_64");
	assert_true(kernel_has(&kernel, KERNEL_LINKS_EACH_BLOCK));
	kernel_take_release(&kernel, "4.19.0-27-amd64");
	assert_false(kernel_has(&kernel, KERNEL_LINKS_EACH_BLOCK));
}

static void a_file_counts_where_there_is_one(void **state)
{
	struct kernel kernel = { { false } };

	(void)state;
	assert_string_equal(kernel_trait_file(KERNEL_ONLINES_BY_ITSELF),
			    "/sys/module/acpi_memhotplug/parameters/mem_hotadd_auto");
	assert_null(kernel_trait_file(KERNEL_MOVABLE_FROM_TOP));
	kernel_take_line(&kernel, KERNEL_ONLINES_BY_ITSELF, "Y");
	assert_true(kernel_has(&kernel, KERNEL_ONLINES_BY_ITSELF));
	/* The release has no say in it. */
	kernel_take_release(&kernel, "6.1.0");
	assert_true(kernel_has(&kernel, KERNEL_ONLINES_BY_ITSELF));
	kernel_take_line(&kernel, KERNEL_ONLINES_BY_ITSELF, "N");
	assert_false(kernel_has(&kernel, KERNEL_ONLINES_BY_ITSELF));
	kernel_take_line(&kernel, KERNEL_ONLINES_BY_ITSELF, "1");
	assert_true(kernel_has(&kernel, KERNEL_ONLINES_BY_ITSELF));
	kernel_take_line(&kernel, KERNEL_ONLINES_BY_ITSELF, "");
	assert_false(kernel_has(&kernel, KERNEL_ONLINES_BY_ITSELF));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_release_tells),
		cmocka_unit_test(from_4_19_on_all_blocks_are_linked_at_the_end),
		cmocka_unit_test(a_file_counts_where_there_is_one),
	};

	return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
