/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Put before every source by the job `oldest`: what the oldest libraries lack cannot be named
 * after this. glibc 2.12, libudev 147, libmnl 1.0.2; by library below.
 */
#include <libmnl/libmnl.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* C11 and what gcc 4.4 has not */
#pragma GCC poison _Static_assert static_assert _Generic _Atomic _Thread_local
#pragma GCC poison __atomic_load_n __atomic_store_n __atomic_fetch_add __atomic_exchange_n

/* glibc 2.16, 2.17, 2.25, 2.26, 2.27, 2.28; the kernel's later calls */
#pragma GCC poison getauxval secure_getenv getentropy getrandom explicit_bzero \
	reallocarray
#pragma GCC poison memfd_create mlock2 copy_file_range statx renameat2 close_range

/* libudev after 147 */
#pragma GCC poison udev_monitor_set_receive_buffer_size udev_monitor_filter_add_match_tag
#pragma GCC poison udev_enumerate_add_match_tag udev_enumerate_add_match_parent
#pragma GCC poison udev_enumerate_add_match_is_initialized udev_device_has_tag
#pragma GCC poison udev_device_has_current_tag udev_device_get_tags_list_entry
#pragma GCC poison udev_device_get_current_tags_list_entry udev_device_set_sysattr_value
#pragma GCC poison udev_device_get_sysattr_list_entry udev_device_get_is_initialized
#pragma GCC poison udev_device_get_usec_since_initialized udev_device_new_from_device_id
#pragma GCC poison udev_device_new_from_environment udev_queue_get_fd udev_queue_flush

/* libmnl after 1.0.2 */
#pragma GCC poison mnl_socket_open2 mnl_socket_fdopen
