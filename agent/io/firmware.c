/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/firmware.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <sys/io.h>
#define HAVE_PORTS 1
#endif

#include "core/number.h"
#include "core/srat.h"
#include "io/log.h"

#define TABLES "/sys/firmware/acpi/tables/"
#define DEVICES "/sys/bus/acpi/devices"
#define SLOT_DEVICE "PNP0C80:"
#define STATUS_POPULATED 15 /* present, enabled, shown, working */

#define PORT_BASE 0xa00
#define TRIES 8
#define TRY_USEC 20000

/* --- the snapshot's part */

void firmware_read_windows(struct root *root, struct snapshot *snapshot)
{
	struct srat_entry entries[SRAT_ENTRIES_MAX];
	const char *bytes;
	size_t len;
	int i, count;

	snapshot->window_count = 0;
	if (root_read_file(root, TABLES "SRAT", &bytes, &len) < 0)
		return;
	count = srat_parse((const uint8_t *)bytes, len, entries);
	for (i = 0; i < count; i++) {
		struct snapshot_window *window =
			&snapshot->windows[snapshot->window_count];

		if (!entries[i].hot_pluggable ||
		    snapshot->window_count == SNAPSHOT_WINDOWS_MAX)
			continue;
		window->start = entries[i].start;
		window->size = entries[i].size;
		snapshot->window_count++;
	}
}

/* --- tables and texts */

static int take_srat(struct root *root, struct evidence *evidence)
{
	const char *bytes;
	size_t len;
	int r = root_read_file(root, TABLES "SRAT", &bytes, &len);

	return r < 0 ? r : evidence_take_srat(evidence, (const uint8_t *)bytes, len);
}

/* Most machines have no such table, and then no persistent memory. */
static int take_nfit(struct root *root, struct evidence *evidence)
{
	const char *bytes;
	size_t len;
	int r = root_read_file(root, TABLES "NFIT", &bytes, &len);

	if (r == -ENOENT) {
		evidence->has_nfit = true;
		return 0;
	}
	return r < 0 ? r : evidence_take_nfit(evidence, (const uint8_t *)bytes, len);
}

static int take_iomem(struct root *root, struct evidence *evidence)
{
	const char *text;
	size_t len;
	int r = root_read_file(root, "/proc/iomem", &text, &len);

	return r < 0 ? r : evidence_take_iomem(evidence, text, len);
}

static int take_cpuinfo(struct root *root, struct evidence *evidence)
{
	const char *text;
	size_t len;
	int r = root_read_file(root, "/proc/cpuinfo", &text, &len);

	return r < 0 ? r : evidence_take_cpuinfo(evidence, text);
}

/* --- PNP0C80 devices */

static int read_attribute(struct root *root, const char *device, const char *name,
			  char *line, size_t size)
{
	char path[PATH_MAX];
	const char *text;
	size_t len;
	int r;

	snprintf(path, sizeof(path), DEVICES "/%.64s/%s", device, name);
	r = root_read_file(root, path, &text, &len);
	if (r == 0)
		snprintf(line, size, "%.*s", len ? (int)strcspn(text, "\n") : 0,
			 len ? text : "");
	return r;
}

struct objects {
	size_t count, populated;
	bool all_qemu;
};

static int take_object(struct root *root, const char *device, struct objects *objects)
{
	char path[64] = "", status[24];
	uint64_t number;
	int r = read_attribute(root, device, "path", path, sizeof(path));

	if (r < 0)
		return r;
	objects->count++;
	objects->all_qemu = objects->all_qemu && evidence_is_qemu_slot(path);
	r = read_attribute(root, device, "status", status, sizeof(status));
	/* 2.6.32 has no such file, and no object for an empty slot. */
	if (r == -ENOENT)
		objects->populated++;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!number_parse(status, 10, &number))
		return -EINVAL;
	objects->populated += number == STATUS_POPULATED;
	return 0;
}

static int list_objects(struct root *root, struct objects *objects)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	DIR *devices;
	int r = 0;

	memset(objects, 0, sizeof(*objects));
	objects->all_qemu = true;
	snprintf(path, sizeof(path), "%s" DEVICES, root_path(root));
	devices = opendir(path);
	if (!devices)
		return -errno;
	while (r == 0 && (entry = readdir(devices)))
		if (strncmp(entry->d_name, SLOT_DEVICE, sizeof(SLOT_DEVICE) - 1) == 0)
			r = take_object(root, entry->d_name, objects);
	closedir(devices);
	return r;
}

static int take_objects(struct root *root, struct evidence *evidence)
{
	struct objects objects;
	int r = list_objects(root, &objects);

	if (r < 0)
		return r;
	evidence->objects = objects.count;
	evidence->populated = objects.populated;
	evidence->has_objects = true;
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct root *root, struct evidence *evidence);
} sources[] = {
	{ "SRAT", take_srat },
	{ "NFIT", take_nfit },
	{ "/proc/iomem", take_iomem },
	{ "/proc/cpuinfo", take_cpuinfo },
	{ "PNP0C80 devices", take_objects },
};

void firmware_read(struct root *root, struct evidence *evidence)
{
	size_t i;

	evidence_clear(evidence);
	for (i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		int r = sources[i].take(root, evidence);

		if (r < 0)
			log_warning("no evidence for probing from %s: %s",
				    sources[i].name, strerror(-r));
	}
}

int firmware_dimm_slot(struct root *root, int instance)
{
	char path[64], acpi_path[64] = "";
	const char *name;
	uint64_t slot;

	snprintf(path, sizeof(path), DEVICES "/" SLOT_DEVICE "%02x/path",
		 (unsigned)instance);
	if (root_read_line(root, path, acpi_path, sizeof(acpi_path)) < 0)
		return -1;
	name = strrchr(acpi_path, '.');
	if (!name || strlen(name) != 5 || strncmp(name, ".MP", 3) != 0 ||
	    !number_parse(name + 3, 16, &slot))
		return -1;
	return (int)slot;
}

bool firmware_is_qemu(struct root *root)
{
	struct objects objects;
	const char *bytes;
	size_t len;
	bool has_controller;

	if (root_read_file(root, TABLES "DSDT", &bytes, &len) < 0 ||
	    !evidence_is_qemu_dsdt((const uint8_t *)bytes, len))
		return false;
	has_controller = evidence_dsdt_has_controller((const uint8_t *)bytes, len);
	if (list_objects(root, &objects) < 0)
		return false;
	/* 2.6.32 has objects only for slots that were filled at boot. */
	return objects.count ? objects.all_qemu : has_controller;
}

/* --- the controller */

#ifdef HAVE_PORTS
static int open_ports(void *data)
{
	(void)data;
	return iopl(3) < 0 ? -errno : 0;
}

static void write_port(void *data, uint16_t port, uint32_t value)
{
	(void)data;
	outl(value, port);
}

static uint32_t read_port(void *data, uint16_t port)
{
	(void)data;
	return inl(port);
}

static void close_ports(void *data)
{
	(void)data;
	iopl(0);
}

static const struct firmware_ports own_ports = { open_ports, write_port, read_port,
						 close_ports };
#endif

/* How many ACPI events there were; -1: unknown. */
static long long count_events(struct root *root)
{
	static const char *const files[] = { "sci", "gpe_all" };
	long long count = 0;
	size_t i, len;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[64];
		const char *text;
		uint64_t number;

		snprintf(path, sizeof(path), "/sys/firmware/acpi/interrupts/%s",
			 files[i]);
		if (root_read_file(root, path, &text, &len) < 0 || !len ||
		    !number_behind(text, "", 10, &number))
			return -1;
		count += (long long)number;
	}
	return count;
}

static void read_slot(const struct firmware_ports *ports, void *data, unsigned slot,
		      uint32_t words[EVIDENCE_WORDS])
{
	unsigned i;

	ports->write(data, PORT_BASE, slot);
	for (i = 0; i < EVIDENCE_WORDS; i++)
		words[i] = ports->read(data, (uint16_t)(PORT_BASE + 4 * i));
}

/* All slots: those that the machine does not have read as empty. */
static int read_slots(const struct firmware_ports *ports, void *data,
		      struct evidence *evidence)
{
	uint32_t words[EVIDENCE_WORDS], again[EVIDENCE_WORDS];
	unsigned slot;
	int r = 0;

	evidence->dimm_count = 0;
	for (slot = 0; r == 0 && slot < EVIDENCE_SLOTS_MAX; slot++) {
		read_slot(ports, data, slot, words);
		read_slot(ports, data, slot, again);
		if (memcmp(words, again, sizeof(words)) != 0)
			r = -EAGAIN;
		else
			r = evidence_take_slot(evidence, words);
	}
	ports->write(data, PORT_BASE, 0);
	return r;
}

static int read_at_rest(struct root *root, struct evidence *evidence,
			const struct firmware_ports *ports, void *data)
{
	unsigned tries;
	int r = -EAGAIN;

	for (tries = 0; tries < TRIES && r == -EAGAIN; tries++) {
		long long before;

		if (tries)
			usleep(TRY_USEC);
		before = count_events(root);
		if (before < 0)
			return -EOPNOTSUPP;
		r = read_slots(ports, data, evidence);
		if (count_events(root) != before)
			r = -EAGAIN;
	}
	return r;
}

int firmware_read_controller(struct root *root, struct evidence *evidence,
			     const struct firmware_ports *ports, void *data)
{
	int r;

	evidence->has_controller = false;
#ifdef HAVE_PORTS
	if (!ports && !*root_path(root))
		ports = &own_ports;
#endif
	if (!ports || !firmware_is_qemu(root))
		return -EOPNOTSUPP;
	r = ports->open(data);
	if (r < 0)
		return r;
	r = read_at_rest(root, evidence, ports, data);
	ports->close(data);
	if (r < 0)
		evidence->dimm_count = 0;
	evidence->has_controller = r == 0;
	return r;
}
