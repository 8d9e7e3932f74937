/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/source-private.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define KERNEL_GROUP 1 /* udevd sends to group 2 */

struct kernel_source {
	struct source source; /* first */
	struct mnl_socket *socket;
};

static void kernel_close(struct source *source)
{
	struct kernel_source *self = (struct kernel_source *)source;

	if (self->socket)
		mnl_socket_close(self->socket);
	free(self);
}

static const struct ucred *credentials(struct msghdr *message)
{
	struct cmsghdr *part;

	for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS)
			return (const struct ucred *)CMSG_DATA(part);
	return NULL;
}

/* EL6.0 lets any user send to a uevent socket, so the sender is always checked. */
static bool from_kernel(struct msghdr *message)
{
	const struct sockaddr_nl *sender = message->msg_name;
	const struct ucred *cred = credentials(message);

	return message->msg_namelen == sizeof(*sender) && sender->nl_pid == 0 &&
	       sender->nl_groups == KERNEL_GROUP && cred && cred->uid == 0;
}

/* mnl_socket_recvfrom would hide the sender. */
static int kernel_receive(struct source *source, struct uevent *event)
{
	char bytes[SOURCE_MESSAGE_SIZE], control[CMSG_SPACE(sizeof(struct ucred))];
	struct sockaddr_nl sender;
	struct iovec vector = { bytes, sizeof(bytes) };
	struct msghdr message;

	for (;;) {
		ssize_t len;

		memset(&message, 0, sizeof(message));
		message.msg_name = &sender;
		message.msg_namelen = sizeof(sender);
		message.msg_iov = &vector;
		message.msg_iovlen = 1;
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		len = recvmsg(source->fd, &message, 0);
		if (len < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (!(message.msg_flags & MSG_TRUNC) && from_kernel(&message) &&
		    uevent_parse(bytes, (size_t)len, event))
			return 1;
	}
}

/* Accumulator == four bytes at X + offset, or the message is dropped. */
#define SAME(offset, bytes, drop)                   \
	BPF_STMT(BPF_LD | BPF_W | BPF_IND, offset), \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bytes, 0, drop)

/* X becomes where the path begins: after the '@' of add, of remove and online, of offline. */
int source_filter_memory(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 3),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, '@', 5, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, '@', 5, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 7),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, '@', 5, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 4),
		BPF_JUMP(BPF_JMP | BPF_JA, 3, 0, 0),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 7),
		BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 8),
		SAME(0, 0x2f646576, 13), /* /dev */
		SAME(4, 0x69636573, 11), /* ices */
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 8),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x2f4c4e58, 10, 0), /* /LNX */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x2f706c61, 9, 0), /* /pla */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x2f737973, 0, 7), /* /sys */
		SAME(12, 0x74656d2f, 5), /* tem/ */
		SAME(16, 0x6d656d6f, 3), /* memo */
		SAME(20, 0x72792f6d, 1), /* ry/m */
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'c', 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0
		       ? -errno
		       : 0;
}

static int open_socket(struct kernel_source *self, unsigned receive_buffer_bytes)
{
	int on = 1, fd, r;

	self->socket = mnl_socket_open(NETLINK_KOBJECT_UEVENT);
	if (!self->socket)
		return -errno;
	fd = mnl_socket_get_fd(self->socket);
	r = source_prepare(fd, receive_buffer_bytes);
	if (r < 0)
		return r;
	/* Without it there are more wake-ups and the same events. */
	source_filter_memory(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	if (mnl_socket_bind(self->socket, KERNEL_GROUP, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	self->source.fd = fd;
	return 0;
}

struct source *source_open_kernel(unsigned receive_buffer_bytes)
{
	struct kernel_source *self = calloc(1, sizeof(*self));
	struct source *source = (struct source *)self;
	int r;

	if (!self)
		return NULL;
	source->name = "kernel";
	source->receive = kernel_receive;
	source->close = kernel_close;
	r = open_socket(self, receive_buffer_bytes);
	if (r == 0)
		return source;
	kernel_close(source);
	errno = -r;
	return NULL;
}
