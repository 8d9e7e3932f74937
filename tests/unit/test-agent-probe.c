/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Where there is no evidence nothing is written, whoever asks; and what a write is worth. */

#include "agent-fixture.h"

#include <errno.h>
#include <string.h>

struct told {
	int calls;
	int error;
	size_t count;
	enum reason reason;
};

static void done(const struct job *job, void *data)
{
	struct told *told = data;

	assert_int_equal(job->kind, JOB_PROBE);
	told->calls++;
	told->error = job->probe_error;
	told->count = job->probed_count;
	if (job->probed_count)
		told->reason = job->probed[0].reason;
}

static struct told ask(struct fixture *fixture, const struct device *device)
{
	struct agent_probe_request request = { device != NULL, device, device != NULL,
					       false };
	struct told told = { 0, 0, 0, REASON_NONE };

	assert_int_equal(agent_start_probe(fixture->agent, &request, done, &told), 0);
	assert_int_equal(agent_start_probe(fixture->agent, &request, done, &told),
			 -EBUSY);
	settle(fixture);
	assert_int_equal(told.calls, 1);
	assert_null(strstr(fixture->kernel->written, "probe="));
	return told;
}

static struct device dimm(void)
{
	struct device device;

	memset(&device, 0, sizeof(device));
	strcpy(device.type, DEVICE_DIMM);
	device.start = UINT64_C(1) << 32;
	device.size = UINT64_C(1) << 27;
	device.has_range = true;
	return device;
}

static void begin(struct fixture *fixture, enum config_probe_mode mode, bool has_probe)
{
	fixture->config.probe_mode = mode;
	fixture->kernel->has_probe = has_probe;
	fake_kernel_add(fixture->kernel, 0, 8, BLOCK_ONLINE);
	start(fixture, false);
	settle(fixture);
}

static void nothing_without_evidence(void **state)
{
	struct device device = dimm();
	struct fixture *fixture = *state;

	fixture->config.probe_confirm = CONFIG_PROBE_CONFIRM_NONE;
	begin(fixture, CONFIG_PROBE_HOST, true);
	assert_int_equal(ask(fixture, &device).reason, REASON_EVIDENCE_UNREADABLE);
}

static void nothing_by_others_than_the_mode_says(void **state)
{
	static const enum config_probe_mode modes[] = { CONFIG_PROBE_STATIC,
							CONFIG_PROBE_CONTROLLER,
							CONFIG_PROBE_OFF };
	struct device device = dimm();
	struct fixture *fixture = *state;
	size_t i;

	begin(fixture, CONFIG_PROBE_HOST, true);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		fixture->config.probe_mode = modes[i];
		assert_int_equal(ask(fixture, &device).reason, REASON_NOT_NAMED);
	}
	assert_int_equal(ask(fixture, NULL).error, -EINVAL);
	fixture->config.probe_mode = CONFIG_PROBE_CONTROLLER;
	assert_int_equal(ask(fixture, NULL).error, -EOPNOTSUPP);
	fixture->config.probe_mode = CONFIG_PROBE_STATIC;
	assert_int_equal(ask(fixture, NULL).count, 0);
}

static void a_kernel_without_probe(void **state)
{
	struct device device = dimm();
	struct fixture *fixture = *state;

	begin(fixture, CONFIG_PROBE_HOST, false);
	assert_int_equal(ask(fixture, &device).reason, REASON_NO_PROBE_FILE);
	fixture->config.probe_mode = CONFIG_PROBE_CONTROLLER;
	assert_int_equal(ask(fixture, NULL).error, -EOPNOTSUPP);
}

static void only_the_block_counts(void **state)
{
	struct fixture *fixture = *state;
	struct sysfs *sysfs = fixture->edges.sysfs;

	assert_int_equal(sysfs_probe(sysfs, UINT64_C(32) << 27), -ENOENT);
	assert_false(sysfs_has_probe(sysfs));
	fixture->kernel->has_probe = fixture->kernel->probe_eexist = true;
	assert_true(sysfs_has_probe(sysfs));
	assert_int_equal(sysfs_probe(sysfs, UINT64_C(32) << 27), -EEXIST);
	assert_true(sysfs_identity(sysfs, 32) == 0);
	fixture->kernel->probe_eexist = false;
	fixture->kernel->probe_lies = true;
	assert_int_equal(sysfs_probe(sysfs, UINT64_C(32) << 27), 0);
	assert_true(sysfs_identity(sysfs, 32) == 0);
	fixture->kernel->probe_lies = false;
	fixture->kernel->probe_raced = true;
	assert_int_equal(sysfs_probe(sysfs, UINT64_C(32) << 27), -EEXIST);
	assert_true(sysfs_identity(sysfs, 32) != 0);
	assert_string_equal(fixture->kernel->written, "probe=0x100000000\n;"
						      "probe=0x100000000\n;"
						      "probe=0x100000000\n;"
						      "probe=0x100000000\n;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_without_evidence),
		TEST(nothing_by_others_than_the_mode_says),
		TEST(a_kernel_without_probe),
		TEST(only_the_block_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
