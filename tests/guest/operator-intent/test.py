# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator took offline or decided stays, until a command names it.

A block offlined by hand, DIMMs that take the numbers of such a one, auto_online_blocks changed
by hand in either direction, memhp_default_state= on the command line, obeyed by the
kernel or not, and a distribution's own auto_online_blocks, which is not an operator's decision.
"""

import os

from lab import Guest, check, equal, expect, image, paths

CONFIG = "[memonlined]\npolicy = online_movable\n"
BARRIER = "128M"


def block_state(guest, number):
    return guest.read("/sys/devices/system/memory/memory%d/state" % number)


def still_offline(guest, number, after):
    """A DIMM that comes now is online: the agent has scanned all blocks since."""
    expect.all_online(guest, guest.plug(BARRIER))
    equal(block_state(guest, number), "offline", "the block after " + after)


def offline_by_hand(guest, channel, dimm):
    number = guest.wait_blocks(dimm["addr"], dimm["size"], "online")[1]
    channel.report()
    guest.write_word(number, "offline")
    part = channel.report()["ranges"][0]
    equal((part["start"], part["from"], part["to"], part["reason"]),
          (number * guest.block_bytes(), "online", "offline", "offlined-elsewhere"),
          "report of the block offlined by hand")
    return number


def stays_offline(guest):
    with guest.channel() as channel:
        number = offline_by_hand(guest, channel, guest.plug("512M"))
        guest.sh("udevadm trigger --action=add --subsystem-match=memory && udevadm settle")
        still_offline(guest, number, "udevadm trigger")
        guest.signal_daemon("HUP")
        still_offline(guest, number, "SIGHUP")
    guest.stop_daemon("KILL")
    guest.start_daemon()
    still_offline(guest, number, "SIGKILL and a new start")
    guest.stop_daemon("TERM")
    guest.start_daemon()
    still_offline(guest, number, "SIGTERM and a new start")
    with guest.channel() as channel:
        reasons = {part["reason"] for part in channel.request("memonline-get-ranges")
                   if part["state"] == "offline"}
        equal(reasons, {"offlined-elsewhere"}, "reasons of what is offline")
    guest.ctl("online %d" % number)
    equal(block_state(guest, number), "online", "the block after it was asked for by name")


def replace(guest, dimm):
    """Another DIMM in the place of one that goes."""
    guest.unplug(dimm["id"])
    other = guest.plug("512M", addr=dimm["addr"])
    equal(other["addr"], dimm["addr"], "address of the new DIMM")
    return other


def replaced(guest):
    with guest.channel() as channel:
        dimm = guest.plug("512M", addr=0x200000000)
        offline_by_hand(guest, channel, dimm)
    dimm = replace(guest, dimm)
    expect.all_online(guest, dimm)
    guest.write_word(dimm["addr"] // guest.block_bytes(), "offline")
    guest.stop_daemon("KILL")
    dimm = replace(guest, dimm)
    guest.start_daemon()
    expect.all_online(guest, dimm)


def blocks(lab):
    with Guest(lab, name="blocks", config=CONFIG) as guest:
        stays_offline(guest)
    with Guest(lab, name="replaced", config=CONFIG) as guest:
        replaced(guest)


def observed(guest, channel, state, reason="administrator"):
    dimm = guest.plug("256M")
    guest.wait_blocks(dimm["addr"], dimm["size"], state)
    guest.settle()
    equal(set(guest.blocks(dimm["addr"], dimm["size"]).values()), {state}, "states")
    equal(expect.reason_of(channel, dimm), reason, "reason")
    equal(channel.request("memonline-status")["carried-out-by"], "nobody", "carried out by")
    return dimm


def set_by_hand(guest, value):
    guest.sh("echo %s > /sys/devices/system/memory/auto_online_blocks" % value)


def logged(guest, text):
    with open(guest.log, errors="replace") as log:
        check(text in log.read(), "not in the log: " + text)


def turned_on(lab):
    """offline when the agent came, online by hand: the kernel's zone is left as it is."""
    with Guest(lab, name="turned-on", config=CONFIG, auto_online="offline") as guest:
        with guest.channel() as channel:
            expect.all_online(guest, guest.plug("256M"))
            set_by_hand(guest, "online_kernel")
            dimm = observed(guest, channel, "online", "zone-differs")
            equal(set(guest.zones(dimm)), {"Normal"}, "zones of what the kernel onlined")
            logged(guest, "auto_online_blocks was changed to online_kernel")
            set_by_hand(guest, "offline")
            dimm = guest.plug("256M")
            expect.all_online(guest, dimm)
            equal(set(guest.zones(dimm)), {"Movable"}, "zones when it is as it was again")


def turned_off(lab):
    """online when the agent came, as its policy wants it; offline by hand."""
    with Guest(lab, name="turned-off", config="[memonlined]\npolicy = online\n",
               auto_online="online") as guest:
        with guest.channel() as channel:
            expect.all_online(guest, guest.plug("256M"))
            set_by_hand(guest, "offline")
            dimm = observed(guest, channel, "offline")
            logged(guest, "auto_online_blocks was changed to offline")
        guest.stop_daemon("KILL")
        guest.start_daemon()
        guest.settle()
        equal(set(guest.blocks(dimm["addr"]).values()), {"offline"}, "states after a restart")
        guest.stop_daemon()
        equal(guest.auto_online(), "offline", "auto_online_blocks after the agent")


def command_line(lab):
    for value, state, reason in (("offline", "offline", "administrator"),
                                 ("online_kernel", "online", "zone-differs")):
        with Guest(lab, name="memhp-" + value, config=CONFIG, auto_online="",
                   append="memhp_default_state=" + value) as guest:
            with guest.channel() as channel:
                dimm = observed(guest, channel, state, reason)
            logged(guest, "memhp_default_state=")
            guest.stop_daemon()
            guest.start_daemon()
            equal(set(guest.blocks(dimm["addr"]).values()), {state}, "states after a restart")
            equal(guest.auto_online(), value, "auto_online_blocks")


def ignored_command_line(lab):
    """A value that this kernel does not know decides nothing, neither here nor for the rule."""
    with Guest(lab, name="memhp-ignored", config=CONFIG, auto_online="",
               append="memhp_default_state=unknown") as guest:
        movable(guest)
        logged(guest, "memhp_default_state= on the kernel's command line has no effect")
        guest.stop_daemon("KILL")
        guest.start_daemon()
        movable(guest)


def rule_alone(lab):
    """The rule that stands in for the agent heeds the command line as far as the kernel does."""
    rule = image.contents(os.path.join(paths.TOP, "rules", "99-memonline.rules"))
    for value, state in (("offline", "offline"), ("unknown", "online")):
        with Guest(lab, name="rule-" + value, daemon=False, auto_online="",
                   files={"/usr/lib/udev/rules.d/99-memonline.rules": rule},
                   append="memhp_default_state=" + value) as guest:
            if guest.auto_online() not in ("offline", value):
                continue  # this kernel onlines by itself, whatever the rule does
            guest.leave_to_rules()
            dimm = guest.plug("256M")
            guest.wait_blocks(dimm["addr"], dimm["size"])
            guest.settle()
            guest.wait_blocks(dimm["addr"], dimm["size"], state)


def movable(guest):
    dimm = guest.plug("256M")
    expect.all_online(guest, dimm)
    equal(set(guest.zones(dimm)), {"Movable"}, "zones")
    equal(guest.auto_online(), "offline", "auto_online_blocks while the agent runs")


def distribution(lab):
    """A default of the kernel's own gives way to the policy and comes back, also after a crash."""
    with Guest(lab, name="distribution", config=CONFIG, auto_online="online") as guest:
        movable(guest)
        guest.stop_daemon()
        equal(guest.auto_online(), "online", "auto_online_blocks after the agent")
        guest.start_daemon()
        movable(guest)
        guest.stop_daemon("KILL")
        guest.start_daemon()
        movable(guest)
        guest.stop_daemon()
        equal(guest.auto_online(), "online", "auto_online_blocks after a crash and an end")


def run(lab):
    blocks(lab)
    turned_on(lab)
    turned_off(lab)
    command_line(lab)
    ignored_command_line(lab)
    rule_alone(lab)
    distribution(lab)
