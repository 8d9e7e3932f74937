/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/device.h"

#include <string.h>

bool device_is_dimm(const struct device *device)
{
	return strcmp(device->type, DEVICE_DIMM) == 0;
}
