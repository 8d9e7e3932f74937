/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/source-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>

#include "core/number.h"

int source_prepare(int fd, unsigned receive_buffer_bytes)
{
	int bytes = receive_buffer_bytes > INT_MAX ? INT_MAX : (int)receive_buffer_bytes;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	/* FORCE needs CAP_NET_ADMIN; a smaller buffer only means an earlier ENOBUFS. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return 0;
}

void source_set_wanted(struct source *source,
		       bool (*wanted)(const struct uevent *event, void *data), void *data)
{
	source->wanted = wanted;
	source->wanted_data = data;
}

int source_skip_unwanted(struct source *source)
{
	char bytes[SOURCE_MESSAGE_SIZE];
	struct uevent event;

	for (;;) {
		ssize_t len =
			recv(source->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

		if (len < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (!source->wanted || !uevent_parse(bytes, (size_t)len, &event) ||
		    source->wanted(&event, source->wanted_data))
			return 1;
		recv(source->fd, bytes, 0, MSG_DONTWAIT);
	}
}

void source_close(struct source *source)
{
	if (source)
		source->close(source);
}

int source_fd(const struct source *source)
{
	return source->fd;
}

const char *source_name(const struct source *source)
{
	return source->name;
}

int source_receive(struct source *source, struct uevent *event)
{
	return source->receive(source, event);
}

uint64_t source_seqnum(struct root *root)
{
	uint64_t seqnum;
	const char *text;
	size_t len;

	if (root_read_file(root, "/sys/kernel/uevent_seqnum", &text, &len) < 0 ||
	    !number_behind(text, "", 10, &seqnum))
		return 0;
	return seqnum;
}
