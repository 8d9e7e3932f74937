# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver of the port is loaded after memonlined has started, as in a stock boot.

Debian's initramfs and those of EL7 to EL9 may leave virtio_console out; udev loads it later. The
service must be able to open a port whose device numbers did not exist when it was started.
"""

from lab import equal, expect
from lab.distribution import Distribution
from lab.libvirt import Libvirt

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500

LATE = "/etc/systemd/system/lab.service.d/late.conf"
AFTER_THE_DAEMON = b"[Unit]\nAfter=memonlined.service\n"
STARTED = "systemctl show -p %s --value memonlined"


def run(lab):
    with Libvirt(lab) as libvirt, \
            Distribution(libvirt, lab, files={LATE: AFTER_THE_DAEMON},
                         later=("virtio_console",)) as guest:
        guest.install_agent()
        guest.reboot()
        guest.wait_daemon()
        loaded = guest.sh("dmesg | grep -c virtio_console || :")
        first = guest.sh(STARTED % "ActiveEnterTimestampMonotonic").strip()
        shell = guest.sh("systemctl show -p ExecMainStartTimestampMonotonic --value lab").strip()
        equal(int(first) < int(shell), True,
              "the daemon was up before the driver was loaded (%s)" % loaded.strip())
        with guest.channel() as channel:
            dimm = guest.plug(512)
            expect.all_online(guest, dimm)
            expect.one_range(channel.report(), dimm)
