/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Without evidence nothing is written, for any client; and what the result of a write
 * means.
 */

#include "agent-fixture.h"
#include "daemon/commands.h"

#include <errno.h>
#include <string.h>

#include "tree.h"

struct told {
	int calls;
	int error;
	size_t count;
	enum reason reason;
	enum probe_result_state state;
};

/* One element for each device, or an error. */
static void check_answer(const struct job *job)
{
	const struct protocol_request request = { .command = PROTOCOL_PROBE };
	struct text out = TEXT_INIT;
	const char *at;
	size_t count = 0;

	commands_finish(&request, job, &out);
	for (at = out.data; (at = strstr(at, "\"verdict\"")); at++)
		count++;
	assert_int_equal(count, job->probed_count);
	assert_int_equal(strstr(out.data, "\"error\"") != NULL, job->probe_error != 0);
	text_free(&out);
}

static void done(const struct job *job, void *data)
{
	struct told *told = data;

	assert_int_equal(job->kind, JOB_PROBE);
	told->calls++;
	told->error = job->probe_error;
	told->count = job->probed_count;
	check_answer(job);
	if (job->probed_count) {
		told->reason = job->probed[0].reason;
		told->state = job->probed[0].state;
	}
}

static struct told ask(struct fixture *fixture, const struct device *device)
{
	struct agent_probe_request request = { device != NULL, device, device != NULL,
					       false };
	struct told told = { .calls = 0 };

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

/* --- with evidence: a DIMM of 512 MiB at 4 GiB */

#define MEMORY "00001000-3fffffff : System RAM\n"

static void put_srat(const char *root)
{
	uint8_t srat[48 + 40] = "SRAT", sum = 0;
	size_t i;

	srat[4] = sizeof(srat);
	srat[48] = 1; /* memory affinity */
	srat[49] = 40;
	srat[48 + 12] = 1; /* from 4 GiB on */
	srat[48 + 20] = 1; /* as much */
	srat[48 + 28] = 3; /* enabled, hot-pluggable */
	for (i = 0; i < sizeof(srat); i++)
		sum = (uint8_t)(sum + srat[i]);
	srat[9] = (uint8_t)-sum;
	tree_put(root, "/sys/firmware/acpi/tables/SRAT", srat, sizeof(srat));
}

static void put_evidence(const char *root)
{
	put_srat(root);
	tree_puts(root, "/proc/iomem", MEMORY);
	tree_puts(root, "/proc/cpuinfo",
		  "address sizes\t: 40 bits physical, 48 virtual\n");
	tree_puts(root, "/sys/bus/acpi/devices/PNP0C80:00/path", "\\_SB_.MHPC.MP00\n");
}

/* QEMU's controller with that DIMM in slot 0. */
static int open_ports(void *data)
{
	(void)data;
	return 0;
}

static void select_slot(void *data, uint16_t port, uint32_t slot)
{
	assert_int_equal(port, 0xa00);
	*(uint32_t *)data = slot;
}

static uint32_t read_slot(void *data, uint16_t port)
{
	static const uint32_t words[] = { 0, 1, 0x20000000, 0, 0, 1 };

	return *(const uint32_t *)data ? 0 : words[(port - 0xa00) / 4];
}

static void close_ports(void *data)
{
	(void)data;
}

static const struct firmware_ports ports = { open_ports, select_slot, read_slot,
					     close_ports };

static void count_reports(const struct job *job, void *data)
{
	(void)job;
	(*(int *)data)++;
}

/* The kernel makes one resource of each block, and the host has plugged one DIMM. */
static void one_dimm_is_one_report_with_one_range(enum config_policy policy)
{
	struct agent_probe_request request = { true, NULL, 1, false };
	struct device device = dimm();
	struct fixture *fixture;
	char root[TREE_SIZE];
	struct told first = { .calls = 0 }, again = { .calls = 0 };
	void *state;

	set_up(&state);
	fixture = state;
	tree_make(root);
	put_evidence(root);
	root_close(fixture->edges.root);
	fixture->edges.root = root_open(root);
	fixture->config.policy = policy;
	fixture->config.probe_confirm = CONFIG_PROBE_CONFIRM_NONE;
	begin(fixture, CONFIG_PROBE_HOST, true);
	device.size = UINT64_C(512) << 20;
	request.devices = &device;
	assert_int_equal(agent_start_probe(fixture->agent, &request, done, &first), 0);
	while (!fixture->kernel->blocks[35].present)
		assert_true(agent_step(fixture->agent));
	tree_puts(root, "/proc/iomem",
		  MEMORY "100000000-107ffffff : System RAM\n"
			 "108000000-10fffffff : System RAM\n"
			 "110000000-117ffffff : System RAM\n"
			 "118000000-11fffffff : System RAM\n");
	settle(fixture);
	assert_int_equal(first.calls, 1);
	assert_int_equal(first.state, PROBE_DONE);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(report(fixture, 1)->count, 1);
	assert_int_equal(first_range(fixture, 1)->size, device.size);
	assert_int_equal(agent_start_probe(fixture->agent, &request, done, &again), 0);
	settle(fixture);
	assert_int_equal(again.calls, 1);
	assert_int_equal(again.reason, REASON_BLOCK_EXISTS);
	assert_int_equal(again.state, PROBE_PRESENT);
	tear_down(&state);
	tree_remove(root);
}

static void what_is_probed_is_reported_by_dimm(void **state)
{
	(void)state;
	one_dimm_is_one_report_with_one_range(CONFIG_POLICY_ONLINE);
	one_dimm_is_one_report_with_one_range(CONFIG_POLICY_KEEP);
}

/* Plugged after boot, where the kernel has no PNP0C80 device for it: the controller confirms it. */
static void what_the_controller_shows_needs_no_object(void **state)
{
	static const char dsdt[] = "DSDT......BOCHS BXPC    ............"
				   "MHPD\x47\1\0\x0a\0\x0a\0\x18";
	struct agent_probe_request request = { true, NULL, 1, false };
	struct fixture *fixture = *state;
	struct device device = dimm();
	char root[TREE_SIZE];
	uint32_t slot = 0;
	int answers = 0;

	tree_make(root);
	put_srat(root);
	tree_puts(root, "/proc/iomem", MEMORY);
	tree_puts(root, "/proc/cpuinfo",
		  "address sizes\t: 40 bits physical, 48 virtual\n");
	tree_puts(root, "/sys/bus/acpi/devices/LNXSYSTM:00/path", "\\\n");
	tree_puts(root, "/sys/firmware/acpi/interrupts/gpe_all", "       7\n");
	tree_puts(root, "/sys/firmware/acpi/interrupts/sci", "       7\n");
	tree_put(root, "/sys/firmware/acpi/tables/DSDT", dsdt, sizeof(dsdt) - 1);
	root_close(fixture->edges.root);
	fixture->edges.root = root_open(root);
	fixture->edges.ports = &ports;
	fixture->edges.ports_data = &slot;
	begin(fixture, CONFIG_PROBE_HOST, true);
	request.devices = &device;
	assert_int_equal(
		agent_start_probe(fixture->agent, &request, count_reports, &answers), 0);
	settle(fixture);
	assert_int_equal(answers, 1);
	assert_non_null(strstr(fixture->kernel->written, "probe=0x100000000\n;"));
	tree_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_without_evidence),
		TEST(nothing_by_others_than_the_mode_says),
		TEST(a_kernel_without_probe),
		TEST(only_the_block_counts),
		TEST(what_the_controller_shows_needs_no_object),
		cmocka_unit_test(what_is_probed_is_reported_by_dimm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
