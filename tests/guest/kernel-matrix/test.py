# SPDX-License-Identifier: GPL-2.0-or-later
"""plug, boot and the policies on the kernels of Debian's releases, from 5.10 to the newest.

On those that bring memory online by themselves, with that default in place as well. Each kernel
and scenario is a result of its own. A release that cannot be fetched is skipped with its reason, but 6.1 and a newer one must be there.
"""

from lab import Guest, check, equal, kernel, packages, scenario, suites

LIMIT = 5400
FULL = True
INSTALLED = "it goes through kernels, not through services"

SCENARIOS = ("plug", "boot", "guest-policies")
REQUIRED = [6, 1]


def one_line(reason):
    return " ".join(str(reason).split())


def directories():
    """[(version, directory)] of what is to be had."""
    for suite in suites.SUITES:
        try:
            directory = suites.directory(suite)
        except packages.Missing as reason:
            print("skip %s %s" % (suite, one_line(reason)), flush=True)
            continue
        yield kernel.version_key(kernel.Kernel(directory).release)[:2], directory


def onlines_itself(lab, directory):
    with Guest(lab, name="default", kernel=kernel.Kernel(directory), daemon=False,
               auto_online="") as guest:
        return guest.onlines_itself()


def one_kernel(lab, version, directory):
    """How many scenarios failed. Those on the kernel's own default are named so."""
    defaults = {"": "offline"}
    if onlines_itself(lab, directory):
        defaults["-self-online"] = ""
    return sum(scenario.run(name, "%d.%d-%s%s" % (version[0], version[1], name, suffix),
                            directory=directory, auto_online=value)
               for suffix, value in defaults.items() for name in SCENARIOS)


def run(lab):
    found = list(directories())
    versions = [version for version, _ in found]
    failed = sum(one_kernel(lab, version, directory) for version, directory in found)
    check(REQUIRED in versions and max(versions) > REQUIRED,
          "6.1 and a newer kernel are required, there are: %s" % versions)
    equal(failed, 0, "scenarios that failed")
