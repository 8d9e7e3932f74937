# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that the test itself starts: QEMU, its monitor, and the host's ends of its ports."""

import os
import subprocess
import time

from . import image, supervise
from .channel import Channel
from .machine import AGENT_PORT, LAB_PORT, Machine, guest_files, size_bytes
from .platform import X86
from .qmp import Qmp, QmpError
from .stream import Closed, Timeout, without_daemon

FIRST_DEADLINE = 150
FIRST_PROCESS = b"lab: the first process runs"  # as lab/init says
BOOT_DEADLINE = 300
KERNEL_WORDS = "panic=-1 oops=panic loglevel=5"
APPEND = X86.console + " " + KERNEL_WORDS
# Backends above this do not reserve what the guest will never touch.
RESERVE_BYTES = 4 << 30
VIRTIO_MEM = "vm0"
OST_EJECT = (3, 0x103)
OST_UNDER_WAY = (0, 0x84, 0x85)


def backend(name, size):
    options = {"qom-type": "memory-backend-ram", "id": "mem-" + name, "size": size}
    if size > RESERVE_BYTES:
        options["reserve"] = False
    return options


def as_argument(options):
    """The same options as on the command line, where the type comes without a key."""
    words = {True: "on", False: "off"}
    return ",".join([options["qom-type"]] + [
        "%s=%s" % (key, words.get(value, value) if isinstance(value, bool) else value)
        for key, value in options.items() if key != "qom-type"])


def eject_failed(status, name):
    """What the guest says of a DIMM that it was asked to let go (ACPI 6.4, 6.3.5)."""
    return (status.get("device") == name and status["source"] in OST_EJECT and
            status["status"] not in OST_UNDER_WAY)


class Guest(Machine):
    """In a `with` statement: boots on entry, ends on exit.

    machine    one of lab.machines(); the first of lab.platform's where it is missing
    memory, slots, maxmem, smp  what it has
    dimms      sizes of DIMMs that are present at boot, e.g. ["512M"]
    virtio_mem  size that a virtio-mem device on node 0 may grow to; it starts empty
    virtio_mem_driver  False: without its driver in the guest
    nodes      NUMA nodes; each gets an equal part of the memory
    udev       start systemd-udevd
    daemon     start memonlined; a test may call start_daemon() later instead
    config     text of /etc/memonlined.conf
    auto_online  written to auto_online_blocks before all else; "" leaves the kernel's own
    files      {path: bytes or (bytes, mode)} laid over the guest's root
    modules    more kernel modules to load
    kernel     another one than the lab's
    append     more words for the kernel's command line
    arguments  more arguments for QEMU
    """

    append = KERNEL_WORDS
    first_deadline = FIRST_DEADLINE
    first_process = FIRST_PROCESS

    def __init__(self, lab, name="guest", memory="1G", slots=8, maxmem="64G", smp=2, dimms=(),
                 virtio_mem=None, virtio_mem_driver=True, nodes=1, udev=True, daemon=True, config=None, auto_online=None,
                 files=None, modules=(), kernel=None, append="",
                 arguments=(), machine=None):
        super().__init__()
        self.lab = lab
        self.name = name
        self.qmp = None
        self._process = None
        self._dimms = 0
        self._daemon = daemon and not without_daemon()
        self.log = lab.log_path(name + "-serial.log")
        self._sockets = {key: lab.temp_path("%s-%s.sock" % (name, key))
                         for key in ("qmp", "agent", "lab")}
        initramfs = lab.temp_path(name + ".img")
        kernel = kernel or lab.kernel
        auto_online = lab.auto_online if auto_online is None else auto_online
        modules = tuple(modules) + (
            ("virtio_mem",) if virtio_mem and virtio_mem_driver else ())
        self._write_initramfs(initramfs, kernel,
                              guest_files(udev, daemon, config, auto_online, files), modules)
        self._command = (
            lab.platform.qemu(machine or lab.platform.machines[0]) +
            ["-smp", str(smp), "-m", "%s,slots=%d,maxmem=%s" % (memory, slots, maxmem),
             "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-reboot",
             "-serial", "file:" + self.log,
             "-qmp", "unix:%s,server=on,wait=off" % self._sockets["qmp"],
             "-kernel", kernel.image, "-initrd", initramfs,
             "-append", " ".join((lab.platform.console, self.append, append)).strip(),
             "-device", "virtio-serial-pci"] +
            self._port("agent", AGENT_PORT) + self._port("lab", LAB_PORT) +
            self._nodes(nodes, size_bytes(memory)) + self._boot_dimms(dimms) +
            self._virtio_mem(virtio_mem) + self._disk() + list(arguments))
        lab.guests.append(self)

    def _write_initramfs(self, path, kernel, files, modules):
        image.write(path, kernel, files, modules, self.lab.platform)

    def _disk(self):
        """Arguments for a root disk: all is in the initramfs."""
        return []

    def _port(self, key, name):
        return ["-chardev", "socket,id=%s,path=%s,server=on,wait=off" % (key, self._sockets[key]),
                "-device", "virtserialport,id=port-%s,chardev=%s,name=%s" % (key, key, name)]

    @staticmethod
    def _nodes(count, memory):
        if count == 1 and memory <= RESERVE_BYTES:
            return []
        arguments = []
        for node in range(count):
            options = backend("node%d" % node, memory // count)
            arguments += ["-object", as_argument(options),
                          "-numa", "node,nodeid=%d,memdev=%s" % (node, options["id"])]
        return arguments

    @staticmethod
    def _virtio_mem(size):
        if not size:
            return []
        return ["-object", as_argument(backend("virtio", size_bytes(size))),
                "-device", "virtio-mem-pci,id=%s,memdev=mem-virtio,node=0,requested-size=0" %
                VIRTIO_MEM]

    def _boot_dimms(self, sizes):
        arguments = []
        for size in sizes:
            name = self._new_dimm()
            arguments += ["-object", as_argument(backend(name, size_bytes(size))),
                          "-device", "pc-dimm,id=%s,memdev=mem-%s" % (name, name)]
        return arguments

    def _new_dimm(self):
        self._dimms += 1
        return "dimm%d" % self._dimms

    # --- life

    def _boot(self, deadline):
        with open(self.lab.log_path(self.name + "-qemu.log"), "w") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=supervise.die_with_parent)
        self.qmp = Qmp(self._sockets["qmp"], deadline)
        if self.lab.platform.firmware_reads_ports:
            self._wait_first_process(deadline)
        self.attach(self._sockets["lab"], deadline)

    def _wait_first_process(self, deadline):
        until = time.monotonic() + deadline
        while self.first_process not in image.contents(self.log):
            if time.monotonic() >= until or not self.is_running():
                raise Timeout("the guest's first process does not run")
            time.sleep(0.1)

    def _boot_again(self, error):
        """A kernel may hang or panic under emulation before its first process.

        Seen: 7.2 as it calibrated its clocks; 6.12, `Oops: int3` on an instruction that was just
        being patched. What happens later is not an accident of the emulation.
        """
        if self.first_process in image.contents(self.log):
            raise error
        print("%s did not come up, starting it once more: %s" % (self.name, error), flush=True)
        self.end()
        os.rename(self.log, self.lab.log_path(self.name + "-first-serial.log"))
        self._boot(BOOT_DEADLINE)

    def __enter__(self):
        try:
            try:
                self._boot(self.first_deadline)
            except (Timeout, Closed, OSError) as error:
                self._boot_again(error)
            if self._daemon:
                self.wait_daemon()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(60)

    def is_running(self):
        return self._process.poll() is None

    # --- the host's side

    def channel(self, deadline=60):
        """A new connection to the agent's port; QEMU serves one at a time."""
        return Channel(self.channel_path(), deadline)

    def channel_path(self):
        return self._sockets["agent"]

    def unplug_port(self):
        """Takes the agent's port away; the socket stays, and nobody is behind it."""
        self.qmp.command("device_del", id="port-agent")

    def plug_port(self):
        """Gives it back once QEMU has let go of it."""
        for _ in range(100):
            try:
                return self.qmp.command("device_add", driver="virtserialport", id="port-agent",
                                        chardev="agent", name=AGENT_PORT)
            except QmpError:
                time.sleep(0.1)
        raise QmpError("the port cannot be plugged in again")

    def qmp_path(self):
        return self._sockets["qmp"]

    def dimms(self):
        """{id: {"addr", "size", "node", ...}} as QEMU reports."""
        return {device["data"]["id"]: device["data"]
                for device in self.qmp.command("query-memory-devices")
                if device["type"] == "dimm"}

    def plug(self, size="512M", node=0, **properties):
        """Hot-plugs a DIMM: {"id", "addr", "size", "node", ...}."""
        name = self._new_dimm()
        self.qmp.command("object-add", **backend(name, size_bytes(size)))
        self.qmp.command("device_add", driver="pc-dimm", id=name, memdev="mem-" + name, node=node,
                         **properties)
        return self.dimms()[name]

    def unplug(self, name, deadline=120):
        """Asks the guest to let a DIMM go and waits until it has."""
        self.qmp.command("device_del", id=name)
        self.qmp.wait_event("DEVICE_DELETED", deadline)

    def let_go(self, name, deadline=120):
        """Asks QEMU to remove it; whether it went. A guest may refuse, and QEMU does not ask it again."""
        self.qmp.command("device_del", id=name)
        until = time.monotonic() + deadline
        while True:
            event = self.qmp.any_event(max(until - time.monotonic(), 0.01))
            data = event.get("data", {})
            if event["event"] == "DEVICE_DELETED" and data.get("device") == name:
                self.qmp.command("object-del", id="mem-" + name)
                return True
            if event["event"] == "ACPI_DEVICE_OST" and eject_failed(data["info"], name):
                return False

    def virtio_mem(self):
        """{"memaddr", "size", "requested-size", ...} of the device."""
        return next(device["data"] for device in self.qmp.command("query-memory-devices")
                    if device["type"] == "virtio-mem")

    def request_virtio_mem(self, size):
        """Asks for a size; how much the guest's driver makes of it, virtio_mem() returns."""
        self.qmp.command("qom-set", path=VIRTIO_MEM, property="requested-size",
                         value=size_bytes(size))
