# SPDX-License-Identifier: GPL-2.0-or-later
"""Each policy puts a 2 GiB DIMM where it should; ratio decides as the kernel's auto-movable does.

Zones are read back from valid_zones and from /proc/zoneinfo. The kernel's decisions are made
in a guest without an agent, of this kernel and of the newest one that Debian has.
"""

from lab import Guest, check, equal, expect, kernel, packages, suites

LIMIT = 1800

SIZE = "2G"
# policy: (zone, online type)
POLICIES = {
    "auto": ("Normal", "online"),
    "online": ("Normal", "online"),
    "online_kernel": ("Normal", "online_kernel"),
    "online_movable": ("Movable", "online_movable"),
    "ratio": ("Movable", "online_movable"),
}
RATIO = "policy = ratio\nmovable-ratio = 100\n"
SEQUENCE = ("512M", "1G", "512M")
# A guest of 1 GiB has a little less than 1 GiB of kernel memory: the third is too much as well.
DECIDED = ["Movable", "Normal", "Normal"]
PARAMETERS = "/sys/module/memory_hotplug/parameters/"


def config(text):
    return "[memonlined]\n" + text


def one_policy(lab, policy):
    zone, word = POLICIES[policy]
    with Guest(lab, name=policy, config=config("policy = %s\n" % policy)) as guest:
        before, memory = guest.present_bytes(), guest.memory_kib()
        with guest.channel() as channel:
            dimm = guest.plug(SIZE)
            expect.all_online(guest, dimm)
            expect.only_report(guest, channel, dimm, zone=zone, requested=word, reason="policy")
        expect.in_zone(guest, dimm, zone, before)
        expect.grown(guest, memory, SIZE)


def keep(lab):
    with Guest(lab, name="keep", config=config("policy = keep\n")) as guest:
        before = guest.auto_online()
        with guest.channel() as channel:
            dimm = guest.plug(SIZE)
            if before == "offline":
                expect.only_report(guest, channel, dimm, to="offline", zone="unknown",
                                   requested="none", reason="policy-keep", **{"from": "absent"})
                equal(set(guest.blocks(dimm["addr"]).values()), {"offline"}, "states")
            else:
                expect.all_online(guest, dimm)
        guest.stop_daemon()
        equal(guest.auto_online(), before, "auto_online_blocks after the agent")


def places(lab):
    """A section for a range goes before one for a node, and that before the main policy."""
    text = config("policy = online_kernel\n[node 1]\npolicy = online_movable\n"
                  "[range 0x120000000+256M]\npolicy = keep\n")
    with Guest(lab, name="places", memory="2G", nodes=2, config=text) as guest:
        first, second = guest.plug("512M", node=1), guest.plug("512M", node=1)
        third = guest.plug("512M")
        equal(second["addr"], 0x120000000, "address of the second DIMM")
        half = dict(second, addr=second["addr"] + (256 << 20), size=256 << 20)
        for dimm, zone in ((first, "Movable"), (half, "Movable"), (third, "Normal")):
            expect.all_online(guest, dimm)
            equal(set(guest.zones(dimm)), {zone}, "zones of %#x" % dimm["addr"])
        left = guest.blocks(second["addr"], 256 << 20)
        equal(set(left.values()), {"offline"}, "states in the range to be kept")


def zone_of(guest, dimm):
    expect.all_online(guest, dimm)
    zones = set(guest.zones(dimm))
    equal(len(zones), 1, "zones of one DIMM: %s" % sorted(zones))
    return zones.pop()


def by_agent(lab, **options):
    with Guest(lab, name="ratio-agent", config=config(RATIO), **options) as guest:
        with guest.channel() as channel:
            found = []
            for size in SEQUENCE:
                dimm = guest.plug(size)
                found.append(zone_of(guest, dimm))
                expect.one_range(
                    channel.report(), dimm, zone=found[-1],
                    requested="online_movable" if found[-1] == "Movable" else "online_kernel",
                    reason="policy" if found[-1] == "Movable" else "ratio-reached")
            return found


def by_kernel(lab, **options):
    """The same without an agent; None where the kernel is too old for it (before 5.15)."""
    with Guest(lab, name="ratio-kernel", daemon=False, auto_online="offline", **options) as guest:
        if guest.run("[ -e %sonline_policy ]" % PARAMETERS).status:
            return None
        guest.sh("cd %s && echo auto-movable > online_policy && echo 100 > auto_movable_ratio && "
                 "echo online > /sys/devices/system/memory/auto_online_blocks" % PARAMETERS)
        return [zone_of(guest, guest.plug(size)) for size in SEQUENCE]


def ratio(lab, **options):
    found, kernels = by_agent(lab, **options), by_kernel(lab, **options)
    equal(found, DECIDED, "zones of %s by the agent" % (SEQUENCE,))
    if kernels is not None:
        equal(found, kernels, "the agent's zones, DIMM by DIMM, not the kernel's")


def settings(guest):
    return guest.sh("grep . /sys/devices/system/memory/auto_online_blocks %s*" % PARAMETERS)


def carried_out_by_kernel(lab):
    """carry-out = kernel: set there, verified as memory comes, restored at the end."""
    text = config("carry-out = kernel\n" + RATIO)
    with Guest(lab, name="carry-out", daemon=False, config=text) as guest:
        found = settings(guest)
        guest.start_daemon()
        equal(guest.ctl_json("status --json")["carried-out-by"], "kernel", "carried out by")
        check(settings(guest) != found, "nothing was set: %s" % found)
        with guest.channel() as channel:
            zones = []
            for size in SEQUENCE:
                dimm = guest.plug(size)
                zones.append(zone_of(guest, dimm))
                expect.by_kernel(channel.report(), dimm, zones[-1])
        equal(zones, DECIDED, "zones")
        guest.stop_daemon()
        equal(settings(guest), found, "the kernel's settings after the agent")


def newest(lab):
    """The newest kernel's decisions as well, where it is to be had and is another one."""
    try:
        directory = suites.directory(suites.NEWEST)
    except packages.Missing as reason:
        print("skip newest-kernel %s" % " ".join(str(reason).split()), flush=True)
        return
    other = kernel.Kernel(directory)
    if other.release != lab.kernel.release:
        ratio(lab, kernel=other)


def run(lab):
    for policy in POLICIES:
        one_policy(lab, policy)
    keep(lab)
    if lab.platform.has_nodes:
        places(lab)
    else:
        print("skip %s-nodes the kernel does not take them from this firmware" % lab.platform.name,
              flush=True)
    ratio(lab)
    if kernel.version_key(lab.kernel.release)[:2] >= [5, 15]:
        carried_out_by_kernel(lab)
    if not lab.in_matrix and lab.platform.name == "x86":
        newest(lab)
