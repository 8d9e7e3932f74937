# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios in guests of arm64: cross-built programs, QEMU's virt with EDK2, Debian's cloud kernel.

Each scenario is a result of its own. Where the packages are not to be had, all are skipped.
"""

from lab import arm64, equal, scenario

LIMIT = 3600
FULL = True
NEEDS = ("arm64",)
INSTALLED = "it goes through scenarios of another architecture"

SCENARIOS = ("plug", "boot", "late-agent", "unplug", "guest-policies", "virtio-mem",
             "qga-differential")


def run(lab):
    platform = arm64.Arm64()
    failed = sum(scenario.run(name, "arm64/" + name, platform=platform) for name in SCENARIOS)
    equal(failed, 0, "scenarios that failed")
