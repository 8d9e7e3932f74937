# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's qemu-ga in a guest, on a port of its own."""

from . import image
from .platform import X86

PACKAGES = ("qemu-guest-agent",)
PORT = "org.qemu.guest_agent.0"


def files(platform=X86()):
    """What goes over the guest's root."""
    program = platform.packaged(PACKAGES, "usr/sbin/qemu-ga")
    found = {"/usr/sbin/qemu-ga": (image.contents(program), 0o755)}
    for path, library in platform.libraries(program).items():
        found[path] = (image.contents(library), 0o755)
    return found


def arguments(path):
    """For QEMU: the port, whose host's end is a unix socket."""
    return ["-chardev", "socket,id=qga,path=%s,server=on,wait=off" % path,
            "-device", "virtserialport,chardev=qga,name=" + PORT]


def start_script():
    return ("mkdir -p /var/run /run/qga && qemu-ga -d -m virtio-serial "
            "-p /dev/virtio-ports/%s -t /run/qga -f /run/qga/pid" % PORT)
