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

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500

POLICIES = ("auto", "online", "online_kernel", "online_movable", "ratio", "keep")
VERBS = ("status", "list", "map", "reports", "explain 0", "--json status", "--json list")
WITHOUT_ARGUMENTS = ("guest-ping", "guest-info", "guest-get-memory-blocks",
                     "guest-get-memory-block-info", "memonline-status", "memonline-get-ranges",
                     "memonline-get-reports", "memonline-subscribe")


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


def every_policy(guest):
    for policy in POLICIES:
        for extra in ("", "carry-out = kernel\n", "rezone = yes\nretry-for = 1\n"):
            guest.sh("printf '[memonlined]\\npolicy = %s\\n%s' >%s" %
                     (policy, extra.replace("\n", "\\n"), CONFIG_FILE))
            guest.sh("systemctl reload memonlined")
            guest.ctl("status")


def broken_configuration(guest):
    """The reload fails, and the service goes on with the configuration before."""
    guest.sh("printf '[memonlined]\\npolicy = nonsense\\n' >%s" % CONFIG_FILE)
    guest.sh("! systemctl reload memonlined")
    guest.ctl("status")


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
        with guest.channel() as channel:
            channel.report()
            every_command(channel, dimm)
        every_verb(guest, dimm)
        every_policy(guest)
        broken_configuration(guest)
        removed_directory(guest)
        guest.ctl("status")
        equal(main_pid(guest), pid, "the main process of the service")
        equal(guest.sh("journalctl -u memonlined --no-pager | grep -cE 'SIGSYS|status=31' || :")
              .strip(), "0", "kills by the system call filter")
