/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/uevent.h"

#define PATH "/devices/system/memory/memory"
#define VMGENID "/devices/LNXSYSTM:00/LNXSYBUS:00/QEMUVGID:00"
#define MESSAGE(action, path, subsystem, rest)                                        \
	action "@" path "\0ACTION=" action "\0DEVPATH=" path "\0SUBSYSTEM=" subsystem \
	       "\0" rest

static bool parse(const char *bytes, size_t len, struct uevent *event)
{
	char copy[1024];

	/* Its own memory, so that a read behind the end is seen by the sanitizer. */
	assert_true(len <= sizeof(copy));
	memcpy(copy + sizeof(copy) - len, bytes, len);
	return uevent_parse(copy + sizeof(copy) - len, len, event);
}

#define PARSE(literal, event) parse(literal, sizeof(literal) - 1, event)

static void refuses_what_is_none(void **state)
{
	struct uevent event = { UEVENT_OTHER, 77, 77 };

	(void)state;
	assert_false(PARSE("", &event));
	assert_false(PARSE("\0\0\0\0", &event));
	assert_false(PARSE("garbage", &event));
	assert_false(PARSE("ACTION=add\0", &event));
	assert_false(PARSE(MESSAGE("add", PATH "32", "cpu", ""), &event));
	assert_false(PARSE(MESSAGE("add", PATH, "memory", ""), &event));
	assert_false(PARSE(MESSAGE("add", PATH "x", "memory", ""), &event));
	assert_false(PARSE(MESSAGE("add", PATH "32x", "memory", ""), &event));
	assert_false(PARSE(MESSAGE("add", PATH "-1", "memory", ""), &event));
	assert_false(
		PARSE(MESSAGE("add", PATH "18446744073709551616", "memory", ""), &event));
	assert_false(
		PARSE(MESSAGE("add", "/devices/virtual/memory32", "memory", ""), &event));
	/* Cut short: the last value may be the beginning of another. */
	assert_false(PARSE(MESSAGE("add", PATH "32", "memory", "SEQNUM=12"), &event));
	assert_int_equal(event.index, 77);
}

/* drivers/virt/vmgenid.c, on the device of ACPI or of a device tree. */
static void knows_a_machine_that_was_put_back(void **state)
{
	struct uevent event = { UEVENT_OTHER, 77, 77 };

	(void)state;
	assert_false(PARSE(MESSAGE("change", VMGENID, "acpi", ""), &event));
	assert_false(
		PARSE(MESSAGE("change", VMGENID, "acpi", "NEW_VMGENID=0\0"), &event));
	assert_false(PARSE(MESSAGE("add", VMGENID, "acpi", "NEW_VMGENID=1\0"), &event));
	assert_false(PARSE(MESSAGE("change", VMGENID, "net", "NEW_VMGENID=1\0"), &event));
	assert_int_equal(event.index, 77);
	assert_true(PARSE(MESSAGE("change", VMGENID, "acpi", "NEW_VMGENID=1\0SEQNUM=9\0"),
			  &event));
	assert_int_equal(event.action, UEVENT_NEW_GENERATION);
	assert_true(PARSE(MESSAGE("change", "/devices/platform/vmgenid", "platform",
				  "NEW_VMGENID=1\0"),
			  &event));
	assert_int_equal(event.action, UEVENT_NEW_GENERATION);
}

static void reads_actions(void **state)
{
	struct uevent event;

	(void)state;
	assert_true(PARSE(MESSAGE("add", PATH "32", "memory", "SEQNUM=1234\0"), &event));
	assert_int_equal(event.action, UEVENT_ADD);
	assert_int_equal(event.index, 32);
	assert_int_equal(event.seqnum, 1234);
	assert_true(PARSE(MESSAGE("remove", PATH "0", "memory", "SEQNUM=x\0"), &event));
	assert_int_equal(event.action, UEVENT_REMOVE);
	assert_int_equal(event.seqnum, 0);
	assert_true(PARSE(MESSAGE("online", PATH "18446744073709551615", "memory", ""),
			  &event));
	assert_int_equal(event.action, UEVENT_ONLINE);
	assert_true(event.index == UINT64_MAX);
	assert_true(PARSE(MESSAGE("offline", PATH "1", "memory", ""), &event));
	assert_int_equal(event.action, UEVENT_OFFLINE);
	assert_true(PARSE(MESSAGE("change", PATH "1", "memory", ""), &event));
	assert_int_equal(event.action, UEVENT_OTHER);
}

static void takes_missing_fields_for_missing(void **state)
{
	struct uevent event;

	(void)state;
	assert_false(uevent_from_fields(NULL, PATH "1", "memory", NULL, &event));
	assert_false(uevent_from_fields("add", NULL, "memory", NULL, &event));
	assert_false(uevent_from_fields("add", PATH "1", NULL, NULL, &event));
	assert_true(uevent_from_fields("add", PATH "1", "memory", NULL, &event));
	assert_int_equal(event.seqnum, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(reads_actions),
		cmocka_unit_test(knows_a_machine_that_was_put_back),
		cmocka_unit_test(takes_missing_fields_for_missing),
	};

	return cmocka_run_group_tests_name("uevent", tests, NULL, NULL);
}
