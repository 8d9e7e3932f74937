/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/firmware.h"
#include "io/log.h"
#include "tree.h"

#define DIMM_SLOT 3

/* A tree below /tmp, and a controller with one DIMM. */
struct machine_model {
	char root[TREE_SIZE];
	struct root *files;
	int refuse_open;
	unsigned selector, writes, opens, closes, reads;
	unsigned restless; /* as many reads differ from the one before */
	unsigned inserting; /* the same: a plug is under way */
	unsigned events; /* come while slots are read, one at a time */
	unsigned sci;
};

static void put_sci(const struct machine_model *model)
{
	char text[32];

	snprintf(text, sizeof(text), "%8u\n", model->sci);
	tree_puts(model->root, "/sys/firmware/acpi/interrupts/sci", text);
}

#define SLOT_PATH "/sys/bus/acpi/devices/PNP0C80:00/path"

static int set_up_model(void **state)
{
	struct machine_model *model = test_alloc(sizeof(*model));
	char header[36] = "DSDT";

	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_ERROR, true);
	tree_make(model->root);
	memcpy(header + 10, "BOCHS BXPC    ", sizeof("BOCHS BXPC    "));
	tree_put(model->root, "/sys/firmware/acpi/tables/DSDT", header, sizeof(header));
	tree_puts(model->root, SLOT_PATH, "\\_SB_.MHPC.MP03\n");
	tree_puts(model->root, "/sys/firmware/acpi/interrupts/gpe_all", "       7\n");
	put_sci(model);
	model->files = root_open(model->root);
	*state = model;
	return 0;
}

static int tear_down_model(void **state)
{
	struct machine_model *model = *state;

	root_close(model->files);
	tree_remove(model->root);
	free(model);
	return 0;
}

static int model_open(void *data)
{
	struct machine_model *model = data;

	model->opens++;
	return -model->refuse_open;
}

static void model_write(void *data, uint16_t port, uint32_t value)
{
	struct machine_model *model = data;

	/* The selector is the only register that is ever written. */
	assert_int_equal(port, 0xa00);
	assert_true(value < 256);
	model->selector = value;
	model->writes++;
}

static uint32_t model_read(void *data, uint16_t port)
{
	static const uint32_t dimm[] = { 0, 1, 0x20000000, 0, 0, 1 };
	struct machine_model *model = data;

	assert_true(port >= 0xa00 && port <= 0xa14 && port % 4 == 0);
	model->reads++;
	if (model->selector != DIMM_SLOT)
		return 0;
	if (port == 0xa00 && model->events) {
		model->events--;
		model->sci++;
		put_sci(model);
	}
	if (port == 0xa08 && model->restless) {
		model->restless--;
		return model->reads << 12;
	}
	if (port == 0xa14 && model->inserting) {
		model->inserting--;
		return 3;
	}
	return dimm[(port - 0xa00) / 4];
}

static void model_close(void *data)
{
	((struct machine_model *)data)->closes++;
}

static const struct firmware_ports model_ports = { model_open, model_write, model_read,
						   model_close };

static int read_controller(struct machine_model *model, struct evidence *evidence)
{
	memset(evidence, 0, sizeof(*evidence));
	return firmware_read_controller(model->files, evidence, &model_ports, model);
}

static void untouched(struct machine_model *model)
{
	struct evidence evidence;

	assert_int_equal(read_controller(model, &evidence), -EOPNOTSUPP);
	assert_false(evidence.has_controller);
	assert_int_equal(model->opens + model->reads + model->writes, 0);
}

static void test_not_qemu(void **state)
{
	struct machine_model *model = *state;

	tree_puts(model->root, SLOT_PATH, "\\_SB_.PCI0.MEM0\n");
	untouched(model);
}

static void test_one_slot_elsewhere(void **state)
{
	struct machine_model *model = *state;

	tree_puts(model->root, "/sys/bus/acpi/devices/PNP0C80:01/path", "\\_SB_.MEM1\n");
	untouched(model);
}

static void test_other_dsdt(void **state)
{
	struct machine_model *model = *state;

	tree_puts(model->root, "/sys/firmware/acpi/tables/DSDT",
		  "DSDT......VENDOR PRODUCT ............");
	untouched(model);
}

/* 2.6.32, no slot filled at boot: the DSDT alone says that there is a controller. */
static void test_no_objects(void **state)
{
	struct machine_model *model = *state;
	char dsdt[36 + 12] = { 'D',  'S', 'D', 'T', [36] = 'M', 'H', 'P', 'D',
			       0x47, 1,	  0,   10,  0,		10,  0,	  24 };
	char device[TREE_SIZE + 64], gone[TREE_SIZE + 8];
	struct evidence evidence;

	memcpy(dsdt + 10, "BOCHS BXPC    ", sizeof("BOCHS BXPC    ") - 1);
	snprintf(device, sizeof(device), "%s/sys/bus/acpi/devices/PNP0C80:00",
		 model->root);
	snprintf(gone, sizeof(gone), "%s/gone", model->root);
	assert_int_equal(rename(device, gone), 0);
	untouched(model);
	tree_put(model->root, "/sys/firmware/acpi/tables/DSDT", dsdt, sizeof(dsdt));
	assert_int_equal(read_controller(model, &evidence), 0);
	assert_int_equal(evidence.dimm_count, 1);
	/* With one elsewhere it may be another machine's. */
	tree_puts(model->root, "/sys/bus/acpi/devices/PNP0C80:01/path", "\\_SB_.MEM1\n");
	assert_int_equal(read_controller(model, &evidence), -EOPNOTSUPP);
}

static void test_no_counters(void **state)
{
	struct machine_model *model = *state;
	struct evidence evidence;

	tree_puts(model->root, "/sys/firmware/acpi/interrupts/gpe_all", "none\n");
	assert_int_equal(read_controller(model, &evidence), -EOPNOTSUPP);
	assert_int_equal(model->reads + model->writes, 0);
	assert_int_equal(model->closes, 1);
}

static void test_no_other_root(void **state)
{
	struct machine_model *model = *state;
	struct evidence evidence;

	memset(&evidence, 0, sizeof(evidence));
	assert_int_equal(firmware_read_controller(model->files, &evidence, NULL, NULL),
			 -EOPNOTSUPP);
}

static void test_no_capability(void **state)
{
	struct machine_model *model = *state;
	struct evidence evidence;

	model->refuse_open = EPERM;
	assert_int_equal(read_controller(model, &evidence), -EPERM);
	assert_int_equal(model->reads + model->writes, 0);
}

static void test_read(void **state)
{
	struct machine_model *model = *state;
	struct evidence evidence;

	assert_int_equal(read_controller(model, &evidence), 0);
	assert_true(evidence.has_controller);
	assert_int_equal(evidence.dimm_count, 1);
	assert_true(evidence.dimms[0].start == UINT64_C(1) << 32);
	assert_int_equal(model->selector, 0);
	assert_int_equal(model->closes, 1);
}

static void test_comes_to_rest(void **state)
{
	struct machine_model *model = *state;
	struct evidence evidence;

	model->restless = 1;
	model->events = 2;
	assert_int_equal(read_controller(model, &evidence), 0);
	model->inserting = 4;
	assert_int_equal(read_controller(model, &evidence), 0);
	assert_int_equal(evidence.dimm_count, 1);
}

static void test_never_rests(void **state)
{
	struct machine_model *model = *state;
	struct evidence evidence;

	model->restless = 1000;
	assert_int_equal(read_controller(model, &evidence), -EAGAIN);
	assert_false(evidence.has_controller);
	model->restless = 0;
	model->events = 1000;
	assert_int_equal(read_controller(model, &evidence), -EAGAIN);
	assert_int_equal(evidence.dimm_count, 0);
	assert_int_equal(model->selector, 0);
}

static void test_objects(void **state)
{
	struct machine_model *model = *state;
	struct evidence evidence;

	memset(&evidence, 0, sizeof(evidence));
	firmware_read(model->files, &evidence);
	/* 2.6.32 does not show the status. */
	assert_true(evidence.has_objects);
	assert_int_equal(evidence.objects, 1);
	assert_int_equal(evidence.populated, 1);
	assert_true(evidence.has_nfit);
	assert_false(evidence.has_srat || evidence.has_iomem);
	assert_int_equal(evidence.address_bits, 0);
	tree_puts(model->root, "/sys/bus/acpi/devices/PNP0C80:00/status", "0\n");
	firmware_read(model->files, &evidence);
	assert_int_equal(evidence.populated, 0);
	tree_puts(model->root, "/sys/bus/acpi/devices/PNP0C80:00/status", "\n");
	firmware_read(model->files, &evidence);
	assert_false(evidence.has_objects);
	evidence_clear(&evidence);
}

#define MODEL_TEST(test) \
	cmocka_unit_test_setup_teardown(test, set_up_model, tear_down_model)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL_TEST(test_not_qemu),	MODEL_TEST(test_one_slot_elsewhere),
		MODEL_TEST(test_other_dsdt),	MODEL_TEST(test_no_counters),
		MODEL_TEST(test_no_other_root), MODEL_TEST(test_no_capability),
		MODEL_TEST(test_read),		MODEL_TEST(test_comes_to_rest),
		MODEL_TEST(test_never_rests),	MODEL_TEST(test_objects),
		MODEL_TEST(test_no_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
