# SPDX-License-Identifier: GPL-2.0-or-later
"""What the agent stands on goes away: its directory, room in /run, /sys to write to, descriptors.

Memory comes online and is reported on the channel all the same, or is reported as failed where
nobody could; memonlinectl works again without a restart; each is one line in the log, not a
flood, and the daemon sleeps meanwhile.
"""

import errno

from lab import Guest, check, equal, expect

LIMIT = 1200
# Where blocks can be taken offline again.
CONFIG = "[memonlined]\npolicy = online_movable\n"
MOVABLE = {"requested": "online_movable", "zone": "Movable"}
RUN = "/run/memonline"
BLOCKS = "/sys/devices/system/memory/memory%d/state"
# Of 6, and beside the 8 descriptors that the agent keeps for itself.
CLIENTS_LEFT = 8 + 3
CLIENTS = "for n in 1 2 3 4 5 6; do memonlinectl watch >/dev/null 2>&1 </dev/null & done"
LINES_MAX = 40  # in all of one fault with a DIMM of two blocks or four


def report_of(channel, dimm):
    """A new agent sends again the reports that no host has confirmed."""
    while True:
        report = channel.report()
        if report["ranges"][0]["start"] == dimm["addr"]:
            return report


def works(guest, channel, size="256M"):
    """What is plugged comes online, and the host gets a report."""
    dimm = guest.plug(size)
    expect.all_online(guest, dimm)
    expect.one_range(report_of(channel, dimm), dimm, **MOVABLE)
    return dimm


def offlined_by_hand(guest, dimm):
    """A block that must stay offline, even if the agent forgets it."""
    number = dimm["addr"] // guest.block_bytes()
    guest.write_word(number, "offline")
    guest.until("memonlinectl explain %d | grep -q 'was-online *yes'" % number)
    return number


def restart(guest):
    guest.stop_daemon("KILL")
    guest.start_daemon()


def stays_offline(guest, number):
    guest.settle()
    equal(guest.read(BLOCKS % number), "offline", "a block that was taken offline by hand")


def directory_removed(guest, channel):
    """Socket and state are made again; what an operator wanted is in the new files."""
    dimm = works(guest, channel)
    number = offlined_by_hand(guest, dimm)
    guest.sh("rm -rf " + RUN)
    works(guest, channel)
    guest.wait_daemon()
    guest.sh("[ -s %s/state ] && [ -s %s/blocks ]" % (RUN, RUN))
    expect.sleeps(guest)
    instance = guest.ctl_json("status --json")["instance"]
    restart(guest)
    equal(guest.ctl_json("status --json")["instance"], instance, "instance after a kill")
    stays_offline(guest, number)


def directory_covered(guest, channel):
    """A small file system that is full lies over the files: one complaint, then they are there."""
    guest.sh("mount -t tmpfs -o size=16k,nr_inodes=2 tmpfs %s && "
             "head -c 16384 /dev/zero >%s/filler; kill -HUP $(pidof memonlined)" % (RUN, RUN))
    works(guest, channel)
    guest.until("! memonlinectl status")
    guest.sh("rm %s/filler && mount -o remount,size=64M,nr_inodes=100 %s" % (RUN, RUN))
    guest.wait_daemon()
    guest.until("[ -s %s/state ] && [ -s %s/blocks ]" % (RUN, RUN))
    # Its files are in use, and those below it are of before.
    guest.sh("umount -l %s && kill -HUP $(pidof memonlined)" % RUN)
    guest.wait_daemon()


def run_full(guest, channel):
    """Not a byte left in all of /run, with udevd writing there too."""
    guest.run("dd if=/dev/zero of=/run/filler bs=64k 2>/dev/null", 300)
    check(guest.run("echo x >/run/more").status != 0, "/run is not full")
    works(guest, channel)
    guest.ctl("status")
    guest.sh("rm -f /run/filler /run/more")


def started_read_only(guest, channel):
    """The agent that starts so reads what the one before left, and saves it when it can."""
    number = offlined_by_hand(guest, works(guest, channel))
    guest.stop_daemon("KILL")
    guest.sh("mount --bind {0} {0} && mount -o remount,bind,ro {0}".format(RUN))
    guest.sh("/lab/start-daemon")
    works(guest, channel)
    stays_offline(guest, number)
    check(guest.run("memonlinectl status").status != 0, "a socket where none can be made")
    guest.sh("umount " + RUN)
    guest.sh("kill -HUP $(pidof memonlined)")
    guest.wait_daemon()
    restart(guest)
    stays_offline(guest, number)


def sys_read_only(guest, channel):
    """Refused by nobody but the mount: failed with its errno, then online at SIGHUP."""
    guest.sh("mount -o remount,ro /sys")
    dimm = guest.plug("256M")
    expect.one_range(report_of(channel, dimm), dimm, to="offline", result="failed", errno=errno.EROFS,
                     requested="online_movable", zone="unknown")
    expect.sleeps(guest)
    guest.sh("mount -o remount,rw /sys")
    guest.sh("kill -HUP $(pidof memonlined)")
    expect.all_online(guest, dimm)
    equal(report_of(channel, dimm)["ranges"][0]["to"], "online", "state reported after SIGHUP")


def out_of_descriptors(guest, channel):
    """Clients wait at the socket: the agent tries once a second, and memory comes online."""
    pid = guest.sh("pidof memonlined").strip()
    used = int(guest.sh("ls /proc/%s/fd | wc -l" % pid))
    limit = guest.sh("grep 'open files' /proc/%s/limits" % pid).split()[3]
    guest.sh("prlimit --pid %s --nofile=%d:%s" % (pid, used + CLIENTS_LEFT, limit))
    guest.sh(CLIENTS)
    guest.until("! timeout 5 memonlinectl status")
    # Once a second, of which each is a few switches.
    expect.sleeps(guest, switches=20, lines=0)
    works(guest, channel)
    guest.sh("prlimit --pid %s --nofile=%s:%s" % (pid, limit, limit))
    guest.wait_daemon()
    guest.run("kill $(pidof memonlinectl)")


def heard_of(guest, channel):
    """Only what comes from now on."""
    channel.request("memonline-subscribe", since=channel.request("memonline-status")["last-seq"])
    channel.events.clear()


FAULTS = (directory_removed, directory_covered, run_full, started_read_only, sys_read_only,
          out_of_descriptors)


def run(lab):
    with Guest(lab, slots=24, config=CONFIG) as guest:
        for fault in FAULTS:
            print("# " + fault.__name__, flush=True)
            logged = expect.spent(guest)[2]
            with guest.channel() as channel:
                channel.sync()
                heard_of(guest, channel)
                fault(guest, channel)
            expect.host_gone(guest)
            expect.sleeps(guest)
            logged = expect.spent(guest)[2] - logged
            check(logged <= LINES_MAX, "%s: %d lines of log" % (fault.__name__, logged))
