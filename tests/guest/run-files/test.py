# SPDX-License-Identifier: GPL-2.0-or-later
"""Others damage what memonlined has in /run: nothing of it is lost, and memory comes online.

A file cut short, filled with zeros or garbage while memonlined works; the whole directory removed
with a second memonlined started at once, and with the first one killed at once.
"""

from lab import Guest, equal, expect

LIMIT = 1200
CONFIG = "[memonlined]\npolicy = online_movable\n"
MOVABLE = {"requested": "online_movable", "zone": "Movable"}
RUN = "/run/memonline"
BLOCK = "/sys/devices/system/memory/memory%d/state"
DAMAGES = (
    "truncate -s 0 {0}",
    "truncate -s 5000 {0}",
    "size=$(stat -c %s {0}); truncate -s 0 {0}; truncate -s $size {0}",
    "head -c 20000 /dev/urandom >{0}",
)


def works(guest, channel, seen):
    """What is plugged comes online; each report has one number more, under one instance."""
    dimm = guest.plug("256M")
    expect.all_online(guest, dimm)
    while True:
        report = channel.report()
        if report["ranges"][0]["start"] == dimm["addr"]:
            break
    expect.one_range(report, dimm, **MOVABLE)
    seen.append(report["seq"])
    return dimm


def offlined_by_hand(guest, dimm):
    number = dimm["addr"] // guest.block_bytes()
    guest.write_word(number, "offline")
    guest.until("memonlinectl explain %d | grep -q 'was-online *yes'" % number)
    return number


def restart(guest):
    guest.stop_daemon("KILL")
    guest.start_daemon()


def same_after_a_kill(guest, number, instance):
    restart(guest)
    equal(guest.ctl_json("status --json")["instance"], instance, "instance after a kill")
    guest.settle()
    equal(guest.read(BLOCK % number), "offline", "a block that was taken offline by hand")


def damaged(guest, channel, number, instance):
    for damage in DAMAGES:
        for name in ("state", "blocks"):
            guest.sh(damage.format("%s/%s" % (RUN, name)))
        seen = []
        works(guest, channel, seen)
        guest.until("[ $(stat -c %s {0}/state) -gt 20000 ] && [ $(stat -c %s {0}/blocks) -gt 20000 ]"
                    .format(RUN))
        same_after_a_kill(guest, number, instance)


def second_daemon(guest, instance):
    """The first one is stopped: it has not made the directory again."""
    guest.sh("kill -STOP $(cat /run/memonlined.pid); rm -rf " + RUN)
    done = guest.run("timeout 60 memonlined --foreground")
    equal((done.status, "another memonlined" in done.text), (1, True), "a second one: " + done.text)
    guest.sh("kill -CONT $(cat /run/memonlined.pid)")
    guest.wait_daemon()
    equal(guest.ctl_json("status --json")["instance"], instance, "instance")


def killed_without_directory(guest):
    """The mark of memonline-rules is there again, and the rule leaves memory to memonlined."""
    guest.sh("touch {0}/agent-onlines && kill -HUP $(cat /run/memonlined.pid)".format(RUN))
    guest.until("grep -q agent-onlines /run/memonlined.lock")
    guest.sh("kill -STOP $(cat /run/memonlined.pid); rm -rf " + RUN)
    restart(guest)
    guest.sh("[ -e %s/agent-onlines ] && [ \"$(stat -c %%a %s)\" = 755 ]" % (RUN, RUN))


def run(lab):
    with Guest(lab, slots=16, config=CONFIG) as guest:
        with guest.channel() as channel:
            seen = []
            number = offlined_by_hand(guest, works(guest, channel, seen))
            instance = guest.ctl_json("status --json")["instance"]
            damaged(guest, channel, number, instance)
            second_daemon(guest, instance)
            same_after_a_kill(guest, number, instance)
            killed_without_directory(guest)
            works(guest, channel, seen)
