# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's qemu-ga in a guest, on a port of its own or behind memonlined."""

import functools
import glob
import os
import subprocess

from . import image, kernel, suites
from .platform import X86

PACKAGES = ("qemu-guest-agent",)
# With what a minimal Debian lacks of its dependencies.
WITH_LIBRARIES = PACKAGES + ("libglib2.0-0", "libnuma1", "liburing2")
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


# Behind memonlined, as a service manager runs it.
RELAY = "/run/qga/socket"
RELAY_SCRIPT = """\
mkdir -p /var/run /run/qga
cat >/run/qga/run <<'END'
echo "$$" >/run/qga/runner
while :; do
	qemu-ga -m unix-listen -p %s -t /run/qga -f /run/qga/pid
	echo "$?" >>/run/qga/ended
	sleep 0.2
done
END
setsid sh /run/qga/run </dev/null >/run/qga/log 2>&1 &
""" % RELAY


def download_debs(names, directory, env):
    subprocess.check_call(["apt-get", "download", "-qq"] + names, cwd=directory, env=env,
                          stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def debs(suite, say=print):
    """The paths of its package and of those that it needs, of a suite of Debian's."""
    env = suites.configure(suite)
    suites.update(env)
    folder = kernel.fetch("%s-debs_%s" % (suite, kernel.apt_version(PACKAGES[0], env)),
                          functools.partial(download_debs, env=env), list(WITH_LIBRARIES), say,
                          "packages")
    return sorted(glob.glob(os.path.join(folder, "*.deb")))
