# SPDX-License-Identifier: GPL-2.0-or-later
"""Every verb, command and signal goes to one service, whose sandbox must not end it.

The same process answers at the end, and what it was asked for was done inside of the sandbox:
reconcile finds its cause in the kernel's log.
"""

import json

from lab import check, equal, expect
from lab.channel import Refused
from lab.distribution import CONFIG_FILE, Distribution
from lab.libvirt import Libvirt
from lab.machine import AGENT_PORT

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500
INSTALLED = "its guests have the package installed as it is"

POLICIES = ("auto", "online", "online_kernel", "online_movable", "ratio", "keep")
VERBS = ("status", "list", "map", "reports", "explain 0", "--json status", "--json list")
WITHOUT_ARGUMENTS = ("guest-ping", "guest-info", "guest-get-memory-blocks",
                     "guest-get-memory-block-info", "memonline-status", "memonline-get-ranges",
                     "memonline-get-reports", "memonline-subscribe")

DROP_IN = "/etc/systemd/system/memonlined.service.d/probe-controller.conf"
SHIPPED_DROP_IN = "/usr/share/memonline/probe-controller.conf"
PRESSURE_DROP_IN = "/etc/systemd/system/memonlined.service.d/pressure.conf"
SHIPPED_PRESSURE_DROP_IN = "/usr/share/memonline/pressure.conf"
TEXTFILES = "/var/lib/prometheus/node-exporter"
PROBE_CONFIG = "[memonlined]\\n[probe]\\nmode = controller\\nconfirm = controller\\n"
LEFT_FREE_MIB = 96
CROOKED_MIB = 100
QUIET_SEC = 150  # beyond the unit's watchdog
FILL = """
mkdir -p /mnt && mount -t tmpfs -o size=100%% tmpfs /mnt
free=$(sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)
dd if=/dev/zero of=/mnt/fill bs=1M count=$((free / 1024 - %d)) 2>/dev/null
""" % LEFT_FREE_MIB


def main_pid(guest):
    return guest.sh("systemctl show -p MainPID --value memonlined").strip()


def devices(*dimms):
    return [{"type": "dimm", "data": {"addr": dimm["addr"], "size": dimm["size"], "slot": slot,
                                      "node": 0, "id": "dimm%d" % slot, "memdev": "m",
                                      "hotpluggable": True, "hotplugged": True}}
            for slot, dimm in enumerate(dimms)]


def absent(dimm):
    """A device that the guest's kernel never added."""
    return dict(dimm, addr=dimm["addr"] + (64 << 30))


def answered(channel, name, **arguments):
    """A refusal is an answer, too."""
    try:
        return channel.request(name, 120, **arguments)
    except Refused as refusal:
        return refusal.args[0]


def every_command(channel, dimm):
    start, size = dimm["addr"], dimm["size"]
    index = start // channel.request("guest-get-memory-block-info")["size"]
    for name in WITHOUT_ARGUMENTS:
        channel.request(name)
    channel.request("memonline-explain", **{"phys-index": index})
    whole, gone = channel.request("memonline-reconcile", devices=devices(dimm, absent(dimm)))
    equal((whole["verdict"], gone["verdict"]), ("complete", "absent"), "verdicts of reconcile")
    answered(channel, "memonline-probe", devices=devices(dimm))
    channel.request("guest-set-memory-blocks",
                    **{"mem-blks": [{"phys-index": index, "online": True}]})
    answered(channel, "memonline-offline", start=start, size=size)
    answered(channel, "memonline-online", start=start, size=size)


def every_verb(guest, dimm):
    for verb in VERBS:
        guest.ctl(verb)
    listed = json.dumps({"return": devices(dimm, absent(dimm))})
    done = guest.run("echo '%s' | memonlinectl reconcile" % listed)
    check("complete" in done.text and "not-added" in done.text, "reconcile: " + done.text)


def verbs_that_act(guest, dimm):
    """On the blocks of a DIMM that is online, and will be."""
    unit = guest.block_bytes()
    blocks = "%d-%d" % (dimm["addr"] // unit, (dimm["addr"] + dimm["size"]) // unit - 1)
    guest.sh("memonlinectl watch >/run/watched & echo $! >/run/watcher")
    guest.run("memonlinectl offline " + blocks)
    guest.ctl("online " + blocks)
    expect.all_online(guest, dimm)
    check(guest.run("memonlinectl probe </dev/null").text, "probe says nothing")
    guest.sh("kill $(cat /run/watcher)")


def low_memory(guest):
    """What brings memory online has what it needs: it is locked, and allocated in advance."""
    guest.sh(FILL, 300)
    dimm = guest.plug(256)
    expect.all_online(guest, dimm)
    guest.ctl("status")
    guest.sh("umount /mnt")


def kernel_log(guest):
    """A DIMM that is no multiple of a block: only the kernel's log says why."""
    crooked = guest.plug(CROOKED_MIB)
    guest.until("dmesg | grep 'add_memory failed'")
    with guest.channel() as channel:
        answer, = channel.request("memonline-reconcile", devices=devices(crooked))
    equal((answer["verdict"], answer["cause"]), ("absent", "unaligned"), "of the crooked DIMM")
    check("unaligned hotplug range" in answer.get("log", ""), "the kernel's line: %s" % answer)


def quiet(guest):
    """Nobody asks anything, and the watchdog is served."""
    guest.sh("sleep %d" % QUIET_SEC, 10 * QUIET_SEC)
    guest.ctl("status")


def hang_up(guest, pid):
    """Without systemctl, which would ask for the configuration to be right first."""
    guest.sh("printf '[memonlined]\\npolicy = keep\\n' >%s && kill -HUP %s" % (CONFIG_FILE, pid))
    guest.until("memonlinectl status | grep -E '^Policy: +keep'")
    broken_configuration(guest, "kill -HUP " + pid)
    guest.ctl("status")


def with_the_controller(guest):
    """The drop-in for probe's controller is added to the unit's own sandbox."""
    guest.put(DROP_IN, guest.read(SHIPPED_DROP_IN).encode() + b"\n")
    guest.sh("printf '%s' >%s && systemctl daemon-reload && systemctl restart memonlined" %
             (PROBE_CONFIG, CONFIG_FILE))
    pid = main_pid(guest)
    for name, value in (("CapabilityBoundingSet", "cap_sys_rawio"), ("SystemCallFilter", "iopl")):
        check(value in guest.sh("systemctl show -p %s --value memonlined" % name),
              "%s lacks %s" % (name, value))
    check(guest.run("memonlinectl probe </dev/null").text, "probe says nothing")
    guest.ctl("status")
    equal(main_pid(guest), pid, "the main process with the drop-in")


def pressure(guest):
    """The kernel wakes the service for stalls, with the unit as it is and with the drop-in."""
    guest.sh("grep -q some /proc/pressure/memory")
    equal(pressure_source(guest), "psi", "source under the unit as it is")
    guest.put(PRESSURE_DROP_IN, guest.read(SHIPPED_PRESSURE_DROP_IN).encode() + b"\n")
    guest.sh("systemctl daemon-reload && systemctl restart memonlined")
    check("cap_sys_resource" in guest.sh(
        "systemctl show -p CapabilityBoundingSet --value memonlined"), "the drop-in's capability")
    equal(pressure_source(guest), "psi", "source with the drop-in")
    guest.sh("rm %s && systemctl daemon-reload && systemctl restart memonlined" % PRESSURE_DROP_IN)


def pressure_source(guest):
    with guest.channel() as channel:
        return channel.request("memonline-subscribe-pressure", **{"stall-usec": 100000})["source"]


def textfile(guest):
    """Where Debian's node_exporter reads; it belongs to root there."""
    guest.sh("mkdir -p %s && printf '[stats]\\ntextfile = %s/memonline.prom\\n' >%s && "
             "systemctl restart memonlined" % (TEXTFILES, TEXTFILES, CONFIG_FILE))
    guest.until("grep -q '^memonline_guest_memory_bytes ' %s/memonline.prom" % TEXTFILES)
    equal(guest.sh("stat -c '%%a %%U' %s/*" % TEXTFILES).strip(), "644 root", "of the one file")
    guest.sh("rm %s && systemctl restart memonlined" % CONFIG_FILE)


def every_policy(guest):
    for policy in POLICIES:
        for extra in ("", "carry-out = kernel\n", "rezone = yes\nretry-for = 1\n"):
            guest.sh("printf '[memonlined]\\npolicy = %s\\n%s' >%s" %
                     (policy, extra.replace("\n", "\\n"), CONFIG_FILE))
            guest.sh("systemctl reload memonlined")
            guest.ctl("status")


def broken_configuration(guest, reload="! systemctl reload memonlined"):
    """The reload fails, and the service goes on with the configuration before."""
    guest.sh("printf '[memonlined]\\npolicy = nonsense\\n' >%s" % CONFIG_FILE)
    guest.sh(reload)
    equal(guest.ctl_json("status --json")["policy"], "keep", "policy after the broken reload")


def removed_directory(guest):
    """A cleaner's work outside of the sandbox: made again from inside."""
    guest.sh("rm -rf /run/memonline")
    guest.until("[ -S /run/memonline/control.sock ] && [ -s /run/memonline/state ] && "
                "[ -e /run/memonline/agent-onlines ]")
    guest.ctl("status")


def run(lab):
    with Libvirt(lab) as libvirt, Distribution(libvirt, lab) as guest:
        guest.install_agent()
        pid = main_pid(guest)
        check(pid not in ("", "0"), "memonlined has no main process")
        guest.sh("grep -q '^VmLck:[^0-9]*[1-9]' /proc/%s/status" % pid)
        dimm = guest.plug(512)
        expect.all_online(guest, dimm)
        low_memory(guest)
        # No DIMM after it: libvirt would put it behind the crooked end.
        kernel_log(guest)
        with guest.channel() as channel:
            channel.report()
            every_command(channel, dimm)
        equal(guest.ctl_json("status --json")["port"],
              {"name": AGENT_PORT, "open": True, "errno": 0}, "the port")
        every_verb(guest, dimm)
        verbs_that_act(guest, dimm)
        every_policy(guest)
        broken_configuration(guest)
        removed_directory(guest)
        hang_up(guest, pid)
        guest.sh("rm %s && systemctl reload memonlined" % CONFIG_FILE)
        quiet(guest)
        equal(main_pid(guest), pid, "the main process of the service")
        equal(guest.sh("journalctl -u memonlined --no-pager | grep -cE 'SIGSYS|status=31' || :")
              .strip(), "0", "kills by the system call filter")
        pressure(guest)
        textfile(guest)
        with_the_controller(guest)
