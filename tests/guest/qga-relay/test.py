# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's qemu-ga behind memonlined, on the one port that libvirt knows: both work as alone.

In Debian 12 the package's drop-ins are put in force by the command of memonlined(8). Then, by
virsh: ping, guestinfo, domtime, guest-exec, a file of 48 MiB, freeze and thaw with memory that
comes meanwhile, memory commands, and at last shutdown; qemu-ga is killed within each. A host that
speaks to the port itself follows in raw.py.
"""

import base64
import hashlib
import json
import os
import re
import threading
import time

import raw

from lab import check, distribution, equal, expect, guest_agent, host, paths
from lab.distribution import CONFIG_FILE, Distribution
from lab.libvirt import Libvirt

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 2400
INSTALLED = "one guest has the package installed as it is, the other needs no service manager"

UNIT = "qemu-guest-agent"
EXPOSURE_MAX = 1.9
BIG_MIB = 48
PIECE = 2 << 20  # of a file: libvirt bounds a reply
BIG = "/run/big"
HOOK = "/run/hook"
# The variable of EL's own unit: Debian's drop-in starts qemu-ga with it as well.
HOOK_DROP_IN = "/run/systemd/system/%s.service.d/hook.conf" % UNIT
HOOK_SCRIPT = b"""\
#!/bin/sh
[ "$1" = freeze ] && [ -e /run/hang ] || exit 0
touch /run/in-hook
exec sleep 1000
"""
# qemu-ga's own `shutdown -h -P +0` is a time to systemd, which leaves it to logind: none runs here.
SHUTDOWN = b"#!/bin/sh\nexec systemctl poweroff\n"
# Where a command that waits for qemu-ga has passed its sync: soon, and it does not matter when.
WAIT_SEC = 2


class Host:
    """The host's end, by virsh alone."""

    def __init__(self, libvirt, guest):
        self.libvirt = libvirt
        self.guest = guest
        self.kills = 0

    def virsh(self, *arguments):
        return self.libvirt.virsh(arguments[0], self.guest.name, *arguments[1:])

    def ask(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        return json.loads(self.virsh("qemu-agent-command", json.dumps(request)))["return"]

    def memory_goes_on(self):
        blocks = self.ask("guest-get-memory-blocks")
        equal(len(blocks), len(self.guest.blocks()), "memory blocks")

    def signal(self, name):
        self.guest.sh("systemctl kill --kill-who=main -s %s %s" % (name, UNIT))

    def kill(self):
        self.signal("KILL")
        self.kills += 1

    def comes_back(self):
        """One that was killed is started again by systemd."""
        self.guest.until("[ $(systemctl show -p NRestarts --value %s) -ge %d ] && "
                         "systemctl -q is-active %s" % (UNIT, self.kills, UNIT))

    def killed_within(self, name, call, error="qemu-ga"):
        """It does not answer any more, is killed, and another one is there: done, or an error.

        Where the next one needs long, the error is memonlined's, which names qemu-ga.
        """
        outcome = []

        def attempt():
            try:
                outcome.append(call())
            except host.Failure as failure:
                outcome.append(failure)
        thread = threading.Thread(target=attempt)
        self.signal("STOP")
        thread.start()
        time.sleep(WAIT_SEC)
        self.kill()
        thread.join(300)
        check(outcome, "%s never ended with qemu-ga killed" % name)
        check(not isinstance(outcome[0], host.Failure) or error in str(outcome[0]) or
              "qemu-ga" in str(outcome[0]),
              "%s with qemu-ga killed: %s" % (name, outcome[0]))
        print("%s with qemu-ga killed: %s" % (name, "an error, " + str(outcome[0])[-120:]
                                              if isinstance(outcome[0], host.Failure)
                                              else "done by the next one"), flush=True)
        self.comes_back()
        self.memory_goes_on()
        return outcome[0]


def documented_command():
    """What memonlined(8) says an administrator has to type."""
    with open(os.path.join(paths.TOP, "agent/daemon/memonlined.8")) as page:
        found = re.search(r"\.nf\n(cp .*?)\n\.fi", page.read(), re.S)
    return found.group(1).replace("\\-", "-")


def exposure(guest):
    text = guest.sh("systemd-analyze security --no-pager memonlined.service")
    level = float(text.split("memonlined.service: ")[1].split()[0])
    check(level <= EXPOSURE_MAX, "exposure %.1f\n%s" % (level, text))


def install(guest):
    guest.install_agent()
    for path in guest_agent.debs(distribution.SUITE):
        guest.put("/srv/" + os.path.basename(path), path)
    guest.sh("cd /srv && DEBIAN_FRONTEND=noninteractive dpkg -i libglib*.deb libnuma*.deb "
             "liburing*.deb qemu-guest-agent*.deb 2>&1", 600)
    # As after a boot: the port is qemu-ga's until the command below.
    guest.sh("udevadm trigger --action=add --subsystem-match=virtio-ports && udevadm settle")
    guest.until("systemctl -q is-active " + UNIT)
    guest.put(HOOK, HOOK_SCRIPT)
    guest.put(HOOK_DROP_IN, b"[Service]\nEnvironment=FSFREEZE_HOOK_PATHNAME=%s\n" % HOOK.encode())
    guest.sh("chmod 755 %s; printf '[memonlined]\\npolicy = online_movable\\n' >%s" % (HOOK, CONFIG_FILE))
    guest.sh("rm /sbin/shutdown")
    guest.put("/sbin/shutdown", SHUTDOWN)
    guest.sh("chmod 755 /sbin/shutdown")
    guest.sh(documented_command(), 300)
    guest.wait_daemon()
    guest.until("[ -S /run/qemu-ga-relay/socket ]")
    equal(guest.sh("systemd-analyze verify --man=no %s.service 2>&1" % UNIT), "",
          "what systemd-analyze verify says")
    exposure(guest)
    # What is frozen must not hold up the lab's own shell.
    guest.sh("mount -t tmpfs tmpfs /tmp")


# --- one command each


def connected(virsh):
    """libvirt hears of the port's opening soon, and of both agents' commands."""
    until = time.monotonic() + 300
    while True:
        try:
            virsh.ask("guest-ping")
            break
        except host.Failure:
            if time.monotonic() >= until:
                raise
            time.sleep(1)
    names = {command["name"] for command in virsh.ask("guest-info")["supported_commands"]}
    check({"guest-exec", "guest-shutdown", "memonline-status"} <= names, names)


def guest_info(virsh):
    check("debian" in virsh.virsh("guestinfo"), "guestinfo does not know Debian")


def domain_time(virsh):
    now = int(virsh.guest.sh("date +%s"))
    told = int(re.search(r"Time: (\d+)", virsh.virsh("domtime")).group(1))
    check(abs(told - now) < 600, "the guest's time %d, told as %d" % (now, told))


def execute(virsh):
    started = virsh.ask("guest-exec", path="/bin/echo", arg=["a", "b"],
                        **{"capture-output": True})
    until = time.monotonic() + 120
    while True:
        status = virsh.ask("guest-exec-status", pid=started["pid"])
        if status["exited"] or time.monotonic() >= until:
            break
        time.sleep(0.5)
    equal(base64.b64decode(status["out-data"]), b"a b\n", "output of the command")


def read_file(virsh):
    handle = virsh.ask("guest-file-open", path=BIG)
    digest = hashlib.sha256()
    while True:
        piece = virsh.ask("guest-file-read", handle=handle, count=PIECE)
        digest.update(base64.b64decode(piece["buf-b64"]))
        if piece["eof"]:
            break
    virsh.ask("guest-file-close", handle=handle)
    return digest.hexdigest()


def read_killed(virsh):
    """The handle was that of the one that opened the file: the next one does not know it."""
    handle = virsh.ask("guest-file-open", path=BIG)
    virsh.killed_within("guest-file-read", lambda: virsh.ask(
        "guest-file-read", handle=handle, count=PIECE), "has not been found")


def plugged(virsh):
    """memonlined's own commands; what libvirt drops as an event, a host can ask for."""
    before = virsh.ask("memonline-status")["last-seq"]
    dimm = virsh.guest.plug(256)
    expect.all_online(virsh.guest, dimm)
    found = [part for part in virsh.ask("memonline-get-ranges") if part["start"] == dimm["addr"]]
    equal([(part["size"], part["state"]) for part in found], [(dimm["size"], "online")],
          "the DIMM's range")
    until = time.monotonic() + 120
    while True:
        seen = virsh.ask("memonline-get-reports", since=before)["reports"]
        if any(part["start"] == dimm["addr"] for report in seen for part in report["ranges"]):
            return dimm
        check(time.monotonic() < until, "the DIMM's report: %s" % seen)
        time.sleep(0.5)


def set_by_number(virsh, dimm):
    """And those of qemu-ga."""
    number = dimm["addr"] // virsh.guest.block_bytes()
    for online in (False, True):
        said = virsh.ask("guest-set-memory-blocks", **{"mem-blks": [
            {"phys-index": number, "online": online}]})
        equal([part["response"] for part in said], ["success"], "online %s" % online)
        blocks = virsh.ask("guest-get-memory-blocks")
        equal([block["online"] for block in blocks if block["phys-index"] == number], [online],
              "the block's state")


# --- freeze and thaw


def status(virsh, wanted):
    equal(virsh.ask("guest-fsfreeze-status"), wanted, "state of the file systems")


def thaw(virsh):
    virsh.virsh("domfsthaw")
    status(virsh, "thawed")
    virsh.guest.sh("touch /srv/thawed")


def frozen(virsh):
    """Memory comes online and is reported while nothing can be written to the disk."""
    virsh.virsh("domfsfreeze")
    status(virsh, "frozen")
    plugged(virsh)
    thaw(virsh)


def killed_while_frozen(virsh):
    """The next qemu-ga thaws what the one before has frozen."""
    virsh.virsh("domfsfreeze")
    virsh.kill()
    virsh.comes_back()
    virsh.memory_goes_on()
    thaw(virsh)


def killed_within_a_freeze(virsh):
    """qemu-ga waits for its hook, and will never come back."""
    virsh.guest.sh("touch /run/hang")
    failed = []

    def freeze():
        try:
            virsh.virsh("domfsfreeze")
        except host.Failure as failure:
            failed.append(failure)
    thread = threading.Thread(target=freeze)
    thread.start()
    virsh.guest.until("[ -e /run/in-hook ]")
    virsh.kill()
    thread.join(300)
    check(failed and "has ended before it had answered" in str(failed[0]),
          "a freeze with qemu-ga killed: %s" % failed)
    virsh.guest.sh("rm /run/hang /run/in-hook")
    virsh.comes_back()
    virsh.memory_goes_on()
    status(virsh, "thawed")


def killed_within_each(virsh):
    for name, call in (("domtime", lambda: virsh.virsh("domtime")),
                       ("guestinfo", lambda: virsh.virsh("guestinfo", "--os")),
                       ("guest-exec", lambda: execute(virsh)),
                       ("domfsfreeze", lambda: virsh.virsh("domfsfreeze"))):
        virsh.killed_within(name, call)
    virsh.killed_within("domfsthaw", lambda: virsh.virsh("domfsthaw"))
    thaw(virsh)
    read_killed(virsh)
    killed_within_a_freeze(virsh)
    killed_while_frozen(virsh)


# --- the end


def is_gone(virsh):
    try:
        return virsh.virsh("domstate").strip() in ("", "shut off")
    except host.Failure:
        return True


def shut_down(virsh):
    """Also where the first qemu-ga that was asked to is killed."""
    virsh.signal("STOP")
    # Later, so that the answer to this is not lost with the port.
    virsh.guest.sh("setsid sh -c 'sleep %d; systemctl kill --kill-who=main -s KILL %s' "
                   ">/dev/null 2>&1 </dev/null &" % (WAIT_SEC, UNIT))
    until = time.monotonic() + 600
    while not is_gone(virsh):
        check(time.monotonic() < until, "virsh shutdown --mode agent: the guest is still there")
        attempt_shutdown(virsh)
        time.sleep(2)


def attempt_shutdown(virsh):
    try:
        virsh.virsh("shutdown", "--mode", "agent")
    except host.Failure as failure:
        print("shutdown: %s" % failure, flush=True)


def run(lab):
    raw.run(lab)
    with Libvirt(lab) as libvirt, \
            Distribution(libvirt, lab, channels=(guest_agent.PORT,)) as guest:
        install(guest)
        virsh = Host(libvirt, guest)
        connected(virsh)
        guest_info(virsh)
        domain_time(virsh)
        execute(virsh)
        guest.sh("dd if=/dev/urandom of=%s bs=1M count=%d" % (BIG, BIG_MIB), 600)
        equal(read_file(virsh), guest.sh("sha256sum <" + BIG, 600).split()[0], "the file")
        set_by_number(virsh, plugged(virsh))
        frozen(virsh)
        killed_within_each(virsh)
        execute(virsh)
        equal(int(guest.sh("systemctl show -p NRestarts --value " + UNIT)), virsh.kills,
              "how often qemu-ga ended")
        resident = raw.resident_kib(guest)
        check(resident < raw.RESIDENT_MAX_KIB, "%d KiB resident" % resident)
        shut_down(virsh)
