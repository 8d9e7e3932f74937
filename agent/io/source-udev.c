/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/source-private.h"

#include <errno.h>
#include <libudev.h>
#include <stdlib.h>

/* The floor is libudev 147: no tags, no udev_monitor_set_receive_buffer_size. */
struct udev_source {
	struct source source; /* first */
	struct udev *udev;
	struct udev_monitor *monitor;
};

static void udev_close(struct source *source)
{
	struct udev_source *self = (struct udev_source *)source;

	if (self->monitor)
		udev_monitor_unref(self->monitor);
	if (self->udev)
		udev_unref(self->udev);
	free(self);
}

static bool device_event(struct udev_device *device, struct uevent *event)
{
	return uevent_from_fields(udev_device_get_property_value(device, "ACTION"),
				  udev_device_get_devpath(device),
				  udev_device_get_subsystem(device),
				  udev_device_get_property_value(device, "SEQNUM"),
				  event);
}

/*
 * udev_monitor_receive_device gives NULL for an empty queue, a filtered message and an error
 * alike, and which errno it leaves differs by version: so the socket itself is asked.
 */
static int udev_receive(struct source *source, struct uevent *event)
{
	struct udev_source *self = (struct udev_source *)source;
	int r;

	while ((r = source_skip_unwanted(source)) > 0) {
		struct udev_device *device = udev_monitor_receive_device(self->monitor);
		bool known = device && device_event(device, event);

		if (device)
			udev_device_unref(device);
		if (known)
			return 1;
	}
	return r;
}

static int open_monitor(struct udev_source *self, unsigned receive_buffer_bytes)
{
	self->udev = udev_new();
	if (!self->udev)
		return -ENOMEM;
	self->monitor = udev_monitor_new_from_netlink(self->udev, "udev");
	if (!self->monitor)
		return errno ? -errno : -ENOMEM;
	if (udev_monitor_filter_add_match_subsystem_devtype(self->monitor, "memory",
							    NULL) < 0)
		return -EINVAL;
	if (udev_monitor_enable_receiving(self->monitor) < 0)
		return errno ? -errno : -EIO;
	self->source.fd = udev_monitor_get_fd(self->monitor);
	return source_prepare(self->source.fd, receive_buffer_bytes);
}

struct source *source_open_udev(unsigned receive_buffer_bytes)
{
	struct udev_source *self = calloc(1, sizeof(*self));
	struct source *source = (struct source *)self;
	int r;

	if (!self)
		return NULL;
	source->name = "udev";
	source->receive = udev_receive;
	source->close = udev_close;
	errno = 0;
	r = open_monitor(self, receive_buffer_bytes);
	if (r == 0)
		return source;
	udev_close(source);
	errno = -r;
	return NULL;
}
