/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_DEVICES_H
#define MEMONLINE_VIRT_DEVICES_H

/* Memory devices as rows and as JSON. */

#include "virt.h"

/* "dimm", "virtio-mem", "other". */
const char *devices_model_text(enum capacity_model model);
/* A row of virt_device_columns. */
void devices_put_row(struct virt *virt, const struct capacity_device *device);
/* {"alias": …} */
void devices_put_json(struct text *out, const struct capacity_device *device);
/* "domain": …, "boot": …, …, "devices": […]: members of an object that is begun. */
void devices_put_domain_json(struct text *out, const struct domain *domain);

#endif
