# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that online memory are shadowed when they come while memonlined runs, in any form.

An update of a stock rule; a file copied by hand; a package installed later, with the path unit and
with dpkg's trigger alone. Under online_movable every block is movable, by our own write; a line for
processors and memory still onlines processors. Two rules made by hand outlive an upgrade, and a
FIFO among the rules hangs nothing.
"""

from lab import check, equal, expect
from lab.distribution import CONFIG_FILE, STOCK_RULE, STOCK_RULES, Distribution
from lab.libvirt import Libvirt

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500
INSTALLED = "its guests have the package installed as it is"

RULES = "/lib/udev/rules.d/"
SHADOWS = "/run/udev/rules.d/"
BY_HAND = "/etc/udev/rules.d/99-hotplug-memory.rules"
SAVED = BY_HAND + ".memonline-saved"
RULE = b'SUBSYSTEM=="memory", ACTION=="add", ATTR{state}="online"\n'
MATCH = 'SUBSYSTEM=="memory", ACTION=="add", '
FORMS = {
    "state": MATCH + 'ATTR{state}=="offline", ATTR{state}="online"',
    "result": MATCH + 'PROGRAM="/bin/echo online", ATTR{state}="%c"',
    "shell": MATCH + "RUN+=\"/bin/sh -c 'echo 1 > /sys$devpath/online'\"",
    "quoted": MATCH + 'RUN+="/bin/sh -c \\"echo online > /sys$devpath/state\\""',
    "chmem": MATCH + 'RUN+="/usr/bin/chmem -b -e %n-%n"',
    "chmem-long": MATCH + 'RUN+="/usr/bin/chmem --enable --blocks %n-%n"',
    "both": 'SUBSYSTEM=="cpu|memory", ACTION=="add", ATTR{online}=="0", ATTR{online}="1"',
}
BUILD = """\
mkdir -p /srv/{0}/DEBIAN /srv/{0}{1} && cat >/srv/{0}/DEBIAN/control <<'END'
Package: {0}
Version: {2}
Architecture: all
Maintainer: nobody <nobody@packages.invalid>
Description: rules that online memory
END
"""
CPU_ONLINE = "/sys/devices/system/cpu/cpu1/online"


def install_rules(guest, package, rules, version=1):
    """dpkg -i of a package with these files of rules."""
    guest.sh(BUILD.format(package, RULES, version))
    for name, text in rules.items():
        guest.put("/srv/%s%s%s" % (package, RULES, name), text.encode() + b"\n")
    guest.sh("cd /srv && dpkg-deb --root-owner-group -b {0} {0}.deb && dpkg -i {0}.deb && "
             "rm -r {0}*".format(package), 300)


def has_shadow(name, text="Made by memonline-rules"):
    return "grep -q '%s' %s%s" % (text, SHADOWS, name)


def comes_movable(guest):
    """No rule has been first: each block was offline when memonlined wrote to it."""
    seen = guest.ctl_json("reports --json")["reports"]
    since = seen[-1]["seq"] if seen else 0
    dimm = guest.plug(256)
    expect.all_online(guest, dimm)
    equal(set(guest.zones(dimm)), {"Movable"}, "zones")
    expect.told_once(guest, dimm, since)
    for report in guest.ctl_json("reports --json --since %d" % since)["reports"]:
        for found in report["ranges"]:
            equal((found["from"], found["requested"], found["zone"]),
                  ("offline", "online_movable", "Movable"), "a range")


def an_update_of_a_stock_rule(guest):
    guest.sh(has_shadow("40-vendor.rules"))
    guest.put(STOCK_RULE, b"# news\n" + STOCK_RULES)
    guest.until(has_shadow("40-vendor.rules", "# news"))
    comes_movable(guest)


def a_rule_of_a_package(guest):
    """All at once: one that is not seen is first for each block."""
    rules = {"60-later-%s.rules" % name: text for name, text in FORMS.items()}
    install_rules(guest, "later", rules)
    for name in rules:
        guest.until(has_shadow(name))
    comes_movable(guest)
    guest.sh("echo 0 >%s && udevadm trigger -w --action=add /sys/devices/system/cpu/cpu1" %
             CPU_ONLINE)
    equal(guest.read(CPU_ONLINE), "1", "the processor that the rule is about, too")
    guest.sh("dpkg -r later")
    guest.until("! ls %s60-later-*" % SHADOWS)


def a_rule_of_a_package_without_the_path_unit(guest):
    """dpkg's trigger has been handled when dpkg ends."""
    guest.sh("systemctl stop memonline-follow.path")
    install_rules(guest, "triggering", {"60-triggering.rules": FORMS["state"]})
    guest.sh(has_shadow("60-triggering.rules"))
    comes_movable(guest)
    guest.sh("dpkg -r triggering && [ ! -e %s60-triggering.rules ]" % SHADOWS)
    guest.sh("systemctl start memonline-follow.path")


def rules_made_by_hand(guest):
    """The one found by the installation, another one found by an upgrade."""
    guest.sh("[ ! -e {0} ] && grep -q first {0}.memonline-saved".format(BY_HAND))
    guest.put(BY_HAND, RULE + b"# second\n")
    guest.until("memonlinectl status | grep -q 'Racing rule: *%s$'" % BY_HAND)
    guest.sh("dpkg -i --force-confold /srv/memonline_*.deb", 600)
    guest.sh("[ ! -e {0} ] && grep -q second {1} && grep -q first {1}.1".format(BY_HAND, SAVED))
    guest.wait_daemon()
    guest.until("! memonlinectl status | grep -q 'Racing rule'")
    comes_movable(guest)


def a_fifo_among_the_rules(guest):
    """udevd would open it too: for udevd it is masked."""
    guest.sh("ln -s /dev/null /etc/udev/rules.d/10-fifo.rules && mkfifo %s10-fifo.rules" % RULES)
    install_rules(guest, "beside", {"60-beside.rules": FORMS["state"]})
    guest.until(has_shadow("60-beside.rules"))
    guest.until("systemctl show -P ActiveState memonline-follow.service | grep -q inactive")
    guest.sh("systemctl restart memonline-rules memonlined")
    guest.wait_daemon()
    guest.sh(has_shadow("60-beside.rules"))
    comes_movable(guest)


def nothing_is_watched_after_the_end(guest):
    guest.sh("systemctl stop memonlined")
    guest.until("! systemctl -q is-active memonline-rules")
    guest.until("! systemctl -q is-active memonline-follow.path")
    guest.sh("! ls %s40-vendor.rules %s60-beside.rules" % (SHADOWS, SHADOWS))
    expect.all_online(guest, guest.plug(128))


def run(lab):
    files = {STOCK_RULE: STOCK_RULES, BY_HAND: RULE + b"# first\n",
             CONFIG_FILE: b"[memonlined]\npolicy = online_movable\n"}
    with Libvirt(lab) as libvirt, Distribution(libvirt, lab, files=files) as guest:
        guest.install_agent()
        check("Racing rule" not in guest.ctl("status"), "an inactive rule is named")
        an_update_of_a_stock_rule(guest)
        a_rule_of_a_package(guest)
        a_rule_of_a_package_without_the_path_unit(guest)
        rules_made_by_hand(guest)
        a_fifo_among_the_rules(guest)
        nothing_is_watched_after_the_end(guest)
