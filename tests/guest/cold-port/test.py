# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver of the port is loaded after memonlined has started, as in a stock boot.

Debian's initramfs and those of EL7 to EL9 may leave virtio_console out; udev loads it later. The
service must be able to open a port whose device numbers did not exist when it was started: also
one of a controller that is hot-plugged, and one whose driver is unbound and bound again.
"""

import json

from lab import equal, expect
from lab.channel import Channel
from lab.distribution import Distribution
from lab.libvirt import Libvirt
from lab.machine import AGENT_PORT

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500
INSTALLED = "its guests have the package installed as it is"

LATE = "/etc/systemd/system/lab.service.d/late.conf"
AFTER_THE_DAEMON = b"[Unit]\nAfter=memonlined.service\n"
DRIVER = "/sys/bus/virtio/drivers/virtio_console"
NODE = "/dev/virtio-ports/" + AGENT_PORT
# The virtio device that the agent's port belongs to.
DEVICE = ("basename $(readlink -f $(dirname $(grep -lx %s /sys/class/virtio-ports/*/name))/device)"
          % AGENT_PORT)


def monitor(libvirt, guest, execute, **arguments):
    libvirt.virsh("qemu-monitor-command", guest.name,
                  json.dumps({"execute": execute, "arguments": arguments}))


def take_port(libvirt, guest):
    """The one that was there at boot; libvirt calls it so."""
    monitor(libvirt, guest, "device_del", id="channel0")
    guest.until("! [ -e %s ]" % NODE)


def plug_controller(libvirt, guest):
    """A controller with a port of the agent's name; the path of the port's socket."""
    path = libvirt.path("late.sock")
    address = {"type": "unix", "data": {"path": path}}
    monitor(libvirt, guest, "chardev-add", id="late", backend={
        "type": "socket", "data": {"addr": address, "server": True, "wait": False}})
    monitor(libvirt, guest, "device_add", driver="virtio-serial-pci", id="late-bus")
    monitor(libvirt, guest, "device_add", driver="virtserialport", id="late-port",
            bus="late-bus.0", chardev="late", name=AGENT_PORT)
    guest.until("[ -e %s ]" % NODE)
    return path


def bind_again(guest):
    """The port's numbers are new ones then."""
    device = guest.sh(DEVICE).strip()
    guest.sh("echo %s >%s/unbind" % (device, DRIVER))
    guest.until("! [ -e %s ]" % NODE)
    guest.sh("echo %s >%s/bind" % (device, DRIVER))
    guest.until("[ -e %s ]" % NODE)


def property_of(guest, name, unit="memonlined"):
    return int(guest.sh("systemctl show -p %s --value %s" % (name, unit)))


def driver_was_later(guest):
    equal(property_of(guest, "ActiveEnterTimestampMonotonic") <
          property_of(guest, "ExecMainStartTimestampMonotonic", "lab"), True,
          "the daemon was up before the driver was loaded")


def works(guest, channel, seq):
    """On a port that is open again the earlier reports are pushed again."""
    dimm = guest.plug(256)
    expect.all_online(guest, dimm)
    report = channel.report(120)
    while report["seq"] < seq:
        report = channel.report(120)
    expect.one_range(report, dimm)
    equal(report["seq"], seq, "number of the report")


def run(lab):
    with Libvirt(lab) as libvirt, \
            Distribution(libvirt, lab, files={LATE: AFTER_THE_DAEMON},
                         later=("virtio_console",)) as guest:
        guest.install_agent()
        guest.reboot()
        guest.wait_daemon()
        driver_was_later(guest)
        pid = property_of(guest, "MainPID")
        with guest.channel() as channel:
            channel.sync(120)
            works(guest, channel, 1)
        take_port(libvirt, guest)
        with Channel(plug_controller(libvirt, guest)) as channel:
            channel.sync(120)
            works(guest, channel, 2)
            bind_again(guest)
            channel.sync(120)
            works(guest, channel, 3)
        equal(property_of(guest, "MainPID"), pid, "main process of the service")
