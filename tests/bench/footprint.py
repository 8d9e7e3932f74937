# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes on disk, and how long the unit takes to start in a real Debian with systemd."""

import os
import re
import subprocess
import tempfile

from lab import distribution, kernel, packages
from lab.libvirt import Libvirt
from lab.scenario import Lab

from . import tools

GROUPS = ("libvirt", "distribution", "deb")
PROGRAMS = ("usr/sbin/memonlined", "usr/bin/memonlinectl")
PEER = "qemu-guest-agent"
UNITS = ("memonlined", "systemd-udevd")


def field(text, name):
    return int(re.search(r"^%s: (\d+)" % name, text, re.M).group(1))


def sizes():
    """Bytes of the package, of what it installs (KiB, as the package says) and of its programs."""
    package = distribution.deb()
    control = subprocess.check_output(["dpkg-deb", "-f", package]).decode()
    found = {"package_bytes": os.path.getsize(package),
             "installed_kib": field(control, "Installed-Size")}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.check_call(["dpkg-deb", "-x", package, folder])
        for name in PROGRAMS:
            found[os.path.basename(name) + "_bytes"] = os.path.getsize(
                os.path.join(folder, name))
    return found


def peer_sizes():
    """Of qemu-ga's package, as apt reports."""
    text = kernel.output_of(["apt-cache", "show", "--no-all-versions", PEER])
    return {"package_bytes": field(text, "Size"), "installed_kib": field(text, "Installed-Size")}


def start_usec(guest, unit):
    """From the moment systemd begins until the unit is active."""
    guest.sh("systemctl restart " + unit)
    text = guest.sh("systemctl show %s -p InactiveExitTimestampMonotonic "
                    "-p ActiveEnterTimestampMonotonic" % unit)
    found = dict(line.split("=") for line in text.split())
    return (int(found["ActiveEnterTimestampMonotonic"]) -
            int(found["InactiveExitTimestampMonotonic"]))


def unit_starts(rounds):
    """{unit: median microseconds}"""
    lab = Lab("bench-unit")
    try:
        with Libvirt(lab) as libvirt, distribution.Distribution(libvirt, lab) as guest:
            guest.install_agent()
            runs = {unit: [] for unit in UNITS}
            for _ in range(rounds):
                for unit in UNITS:
                    runs[unit].append(start_usec(guest, unit))
    finally:
        lab.close()
    return {unit: tools.median(found) for unit, found in runs.items()}


def measure(rounds):
    packages.install(GROUPS)
    tools.progress("package")
    found = {"memonline": sizes(), PEER: peer_sizes()}
    tools.progress("unit")
    found["unit_start_usec"] = unit_starts(rounds)
    return found
