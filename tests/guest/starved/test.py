# SPDX-License-Identifier: GPL-2.0-or-later
"""The OOM killer is at work while DIMMs are brought online: the agent lives, onlines, reports.

The memory of the guest is eaten while the agent is stopped (SIGSTOP) and a DIMM waits; the same
with a udev rule instead of the agent is measured and printed. Sixteen DIMMs follow, each with 48 MiB
left where all of them take 256, and one that the kernel refuses for lack of memory.
"""

import json
import time

from lab import Guest, check, equal, expect, host, hunger

FULL = True
LIMIT = 1500
INSTALLED = "what it leaves free is measured out without a service manager"
EATERS, EATEN_MIB = 6, 80
KILLS = 3
ROW = 16
# For one DIMM's memmap of 16 MiB, udevd's workers and the kernel's reserve; all sixteen take 256.
LEFT_MIB = 48
VICTIMS, VICTIM_MIB = 8, 2
RULE = {"/etc/udev/rules.d/99-hotplug-memory.rules":
        b'SUBSYSTEM=="memory", ACTION=="add", ATTR{state}=="offline", ATTR{state}="online"\n'}
MEASURED_SEC = 60
PATIENCE = 300
PARTLY = 64


def pid(guest):
    return guest.sh("cat /run/memonlined.pid && kill -0 $(cat /run/memonlined.pid)").strip()


def signal(guest, who, name):
    guest.sh("kill -%s %s" % (name, who))


def is_spared(guest, agent):
    """The same process as before, and whom the kernel killed was somebody else."""
    equal(pid(guest), agent, "the agent's process")
    killed = hunger.victims(guest)
    check(killed, "the OOM killer was not at work")
    check("memonlined" not in killed, "the agent was killed")


def is_protected(guest, agent):
    equal(guest.read("/proc/%s/oom_score_adj" % agent), "-1000", "the agent's oom_score_adj")
    locked = guest.sh("grep VmLck /proc/%s/status" % agent).split()[1]
    check(int(locked) > 0, "nothing of the agent is locked in memory")


def plug_before(guest, who):
    """A DIMM whose blocks are there, and who should online them does not run."""
    signal(guest, who, "STOP")
    dimm = guest.plug("1G")
    guest.wait_blocks(dimm["addr"], dimm["size"])
    return dimm


def one_dimm(guest, channel, agent):
    before = guest.memory_kib()
    dimm = plug_before(guest, agent)
    hunger.start(guest, EATERS, EATEN_MIB)
    hunger.wait_kills(guest, KILLS)
    equal(set(guest.blocks(dimm["addr"], dimm["size"]).values()), {"offline"}, "states")
    signal(guest, agent, "CONT")
    expect.one_range(channel.report(PATIENCE), dimm)
    expect.all_online(guest, dimm)
    expect.grown(guest, before, "1G")
    hunger.wait_fed(guest, EATERS, EATEN_MIB, PATIENCE)
    hunger.stop(guest)
    is_spared(guest, agent)


def one_of_a_row(guest, channel, agent):
    hunger.leave_free(guest, LEFT_MIB)
    dimm = plug_before(guest, agent)
    hunger.start(guest, 2, LEFT_MIB)
    hunger.wait_kills(guest, 1)
    signal(guest, agent, "CONT")
    expect.one_range(channel.report(PATIENCE), dimm)
    expect.all_online(guest, dimm)
    hunger.stop(guest)
    is_spared(guest, agent)
    return dimm


def row(guest, channel, agent):
    dimms = [one_of_a_row(guest, channel, agent) for _ in range(ROW)]
    for dimm in dimms:
        expect.all_online(guest, dimm)
    hunger.give_back(guest)
    equal(channel.reports_waiting(), 0, "reports beside one for each DIMM")


def refused(guest, channel, agent):
    """64 MiB of memmap where there is less: absent, and why."""
    hunger.leave_free(guest, LEFT_MIB)
    hunger.start(guest, 2, LEFT_MIB)
    hunger.wait_kills(guest, 1)
    hunger.stop(guest)
    # For who needs a page while the kernel has taken all: without a victim it panics. Several, as it
    # takes what one leaves, too.
    hunger.start(guest, VICTIMS, VICTIM_MIB, again=False)
    hunger.wait_fed(guest, VICTIMS, VICTIM_MIB)
    dimm = hunger.plug_refused(guest, "4G", hunger.POOL, 0)
    answer = channel.request("memonline-reconcile", PATIENCE,
                             devices=guest.qmp.command("query-memory-devices"))
    found = {device["id"]: device for device in answer}
    gone = found.pop(dimm["id"])
    equal((gone["verdict"], gone["cause"], gone["online"]), ("absent", "memory-short", 0),
          "the result for the DIMM that did not fit")
    check("vmemmap alloc failure" in gone["log"], "not the kernel's line in %s" % gone)
    equal({device["verdict"] for device in found.values()}, {"complete"}, "the others")
    hunger.stop(guest)
    is_spared(guest, agent)


def seen_by_host(guest):
    """The same from outside; the channel is free again."""
    devices = json.dumps({"return": guest.qmp.command("query-memory-devices")})
    text = host.ctl_status("--socket", guest.channel_path(), "reconcile", "--json", code=PARTLY,
                           text=devices)
    equal(sorted(device["verdict"] for device in json.loads(text)),
          ["absent", "complete"], "verdicts")


def absent(lab):
    """In a guest of its own: Linux 6.1 names its reason once a boot, and may have before."""
    with Guest(lab, name="absent", memory="384M", append=hunger.APPEND,
               files=hunger.FILES) as guest:
        hunger.prepare(guest)
        agent = pid(guest)
        with guest.channel() as channel:
            expect.all_online(guest, guest.plug("1G"))
            refused(guest, channel, agent)
        seen_by_host(guest)


def measure(guest, dimm):
    """Seconds until all of it was online, or None, and how many blocks were in the end."""
    begin = time.monotonic()
    while time.monotonic() < begin + MEASURED_SEC:
        states = list(guest.blocks(dimm["addr"], dimm["size"]).values())
        if set(states) == {"online"}:
            return time.monotonic() - begin, len(states)
        time.sleep(0.5)
    return None, states.count("online")


def by_rule(lab):
    """Measured and printed: what a rule's workers do there is for nobody to promise."""
    with Guest(lab, name="rule", memory="384M", daemon=False, append=hunger.APPEND,
               files=dict(hunger.FILES, **RULE)) as guest:
        hunger.prepare(guest)
        dimm = plug_before(guest, "$(pidof systemd-udevd)")
        hunger.start(guest, EATERS, EATEN_MIB)
        hunger.wait_kills(guest, KILLS)
        signal(guest, "$(pidof systemd-udevd)", "CONT")
        seconds, online = measure(guest, dimm)
        killed = hunger.victims(guest)
        print("by a udev rule: %d of 8 blocks online %s; killed: %s" % (
            online, "not all in %d s" % MEASURED_SEC if seconds is None else
            "after %.1f s" % seconds, {name: killed.count(name) for name in set(killed)}))


def run(lab):
    with Guest(lab, memory="384M", slots=32, append=hunger.APPEND,
               files=hunger.FILES) as guest:
        hunger.prepare(guest)
        agent = pid(guest)
        is_protected(guest, agent)
        with guest.channel() as channel:
            one_dimm(guest, channel, agent)
            row(guest, channel, agent)
        killed = hunger.victims(guest)
        print("killed beside the agent: %s" % {name: killed.count(name) for name in set(killed)})
    absent(lab)
    by_rule(lab)
