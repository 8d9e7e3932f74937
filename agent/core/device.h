/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_DEVICE_H
#define MEMONLINE_DEVICE_H

/*
 * The memory devices of a guest as its host knows them: what QMP's query-memory-devices
 * returns (QEMU: qapi/machine.json, MemoryDeviceInfo). It is the host's view: nothing
 * here is checked against the guest.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/contract.h"

#define DEVICE_TYPE_SIZE 32 /* with the NUL; longer is refused */
#define DEVICE_ID_SIZE 128 /* with the NUL; longer is refused */

#define DEVICE_DIMM "dimm"

struct device {
	char type
		[DEVICE_TYPE_SIZE]; /* "dimm", "nvdimm", "virtio-mem", or what comes later */
	char id[DEVICE_ID_SIZE]; /* UTF-8, U+0000 as C0 80; "" where it has none */
	int32_t slot; /* -1: none */
	int32_t node; /* as the host numbers them; -1: unknown */
	/*
	 * Bytes; start + size may wrap. Always given for dimm and nvdimm, else see
	 * has_range.
	 */
	uint64_t start;
	uint64_t size; /* virtio-mem: what is plugged of it now */
	uint64_t requested; /* virtio-mem: what the host wants plugged, else size */
	uint64_t span; /* of addresses, from start on: virtio-mem's max-size, else size */
	bool has_range; /* start and size were both given */
	bool hotplugged; /* false: on the command line, or unknown */
};

bool device_is_dimm(const struct device *device) _nonnull_(1);

#endif
