# SPDX-License-Identifier: GPL-2.0-or-later
"""A private libvirtd: its own user's session, its own folders, its own socket."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

from . import host, image, paths, supervise
from .guest import APPEND, BOOT_DEADLINE
from .channel import Channel
from .machine import AGENT_PORT, LAB_PORT, Machine, guest_files
from .platform import X86, accelerator
from .scenario import Skip, equal
from .stream import Timeout, without_daemon

# Nobody's number: a session daemon refuses to be root's.
USER_ID = 65534
OTHER_USER_ID = 65533  # a client's, on what is to be another machine
DAEMON_CONF = 'unix_sock_dir = "%s"\nauth_unix_rw = "none"\n'
TCP_CONF = ('listen_tls = 0\nlisten_tcp = 1\nlisten_addr = "127.0.0.1"\nauth_tcp = "none"\n'
            'tcp_port = "%d"\n')
QEMU_CONF = 'stdio_handler = "file"\nsecurity_driver = "none"\n'

DOMAIN = """\
<domain type='{type}'>
  <name>{name}</name>
  <memory unit='GiB'>1</memory>
  <maxMemory slots='{slots}' unit='GiB'>64</maxMemory>
  <vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initrd}</initrd>
    <cmdline>{append}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'>
    <numa><cell id='0' cpus='0-1' memory='1' unit='GiB'/></numa>
  </cpu>
  <on_reboot>{on_reboot}</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>{emulator}</emulator>
    <serial type='file'><source path='{log}'/></serial>
    <controller type='usb' model='none'/>
    <memballoon model='{balloon}'/>
{devices}
  </devices>
</domain>
"""
CHANNEL = """\
    <channel type='unix'><target type='virtio' name='%s'/></channel>"""
DIMM = """\
<memory model='dimm'><target><size unit='MiB'>%d</size><node>%d</node></target></memory>
"""


def free_port():
    """Nobody's at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Libvirt:
    """In a `with` statement: started on entry, ended with its domains on exit.

    tcp  it listens on a port of this machine's own, for `remote` clients
    """

    def __init__(self, lab, tcp=False):
        self._lab = lab
        self._port = free_port() if tcp else None
        self.directory = lab.temp_path("libvirt")
        self._process = None
        self._domains = []

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        """A file that the session's user can read."""
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as out:
            out.write(text)
        return self.path(name)

    def _environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.directory,
                "XDG_CONFIG_HOME": self.path("c"), "XDG_CACHE_HOME": self.path("h"),
                "XDG_DATA_HOME": self.path("d"), "XDG_RUNTIME_DIR": self.path("r"), "LC_ALL": "C"}

    def _as_user(self, argv, user=USER_ID):
        if os.geteuid() != 0:
            return argv
        groups = ["--clear-groups"]
        if accelerator() == "kvm":
            groups = ["--groups", str(os.stat("/dev/kvm").st_gid)]
        return ["setpriv", "--reuid", str(user), "--regid", str(user)] + groups + argv

    def give(self, path):
        """The session's user must be able to reach what root has made."""
        if os.geteuid() == 0:
            os.chown(path, USER_ID, USER_ID)

    def __enter__(self):
        os.chmod(self._lab.temp_path(), 0o711)
        for name in ("", "c", "c/libvirt", "h", "d", "r", "s"):
            os.makedirs(self.path(name), mode=0o700, exist_ok=True)
            self.give(self.path(name))
        self.write("c/libvirt/qemu.conf", QEMU_CONF)
        self.write("libvirtd.conf", DAEMON_CONF % self.path("s") +
                   (TCP_CONF % self._port if self._port else ""))
        self._launch()
        return self

    def _launch(self):
        with open(self._lab.log_path("libvirtd.log"), "a") as log:
            self._process = subprocess.Popen(
                self._as_user([shutil.which("libvirtd"), "-f", self.path("libvirtd.conf"),
                               "-p", self.path("libvirtd.pid")] +
                              (["--listen"] if self._port else [])),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment(),
                start_new_session=True, preexec_fn=supervise.die_with_parent)
        self._wait()

    def restart(self, number=signal.SIGTERM):
        """As an upgrade of libvirt does, or a crash; its guests go on."""
        self._process.send_signal(number)
        self._process.wait(60)
        self._launch()

    def _wait(self, deadline=120):
        until = time.monotonic() + deadline
        while True:
            try:
                return self.virsh("uri")
            except host.Failure:
                if time.monotonic() >= until or self._process.poll() is not None:
                    raise
                time.sleep(0.2)

    def _uri(self):
        return "qemu:///session?socket=%s/libvirt-sock" % self.path("s")

    def virsh(self, *arguments):
        return host.call(self._as_user(["virsh", "-q", "-c", self._uri()] + list(arguments)),
                         env=self._environment())

    def _program(self, folder, user):
        """virt-memonline where that user can reach it."""
        program = os.path.join(folder, "virt-memonline")
        if not os.path.exists(program):
            built = os.path.join(paths.programs(), "agent", "virt-memonline")
            if not os.path.exists(built):
                raise Skip("virt-memonline was not built: no headers of libvirt")
            shutil.copy(built, program)
            if os.geteuid() == 0:
                os.chown(program, user, user)
        return program

    def _local(self, arguments):
        return (self._as_user([self._program(self.directory, USER_ID), "-c", self._uri()] +
                              arguments), self._environment())

    def _remote(self, arguments):
        """As another user, who has only the port."""
        home = self._lab.temp_path("remote")
        os.makedirs(home, mode=0o711, exist_ok=True)
        uri = "qemu+tcp://127.0.0.1:%d/session" % self._port
        return (self._as_user([self._program(home, OTHER_USER_ID), "-c", uri] + arguments,
                              OTHER_USER_ID),
                {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LC_ALL": "C"})

    def virt_begin(self, *arguments, remote=False):
        """virt-memonline on the host, not as root, as it runs."""
        command, environment = (self._remote if remote else self._local)(list(arguments))
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                universal_newlines=True)

    @staticmethod
    def virt_end(process, code=0, limit=120):
        """What it printed; it has to end with this exit code."""
        text = process.communicate(timeout=limit)[0]
        equal(process.returncode, code, "exit code of %s: %s" % (
            " ".join(process.args[-4:]), text))
        return text

    def virt(self, *arguments, code=0, limit=120, remote=False):
        """virt-memonline on the host, ending with this exit code; what it printed."""
        return self.virt_end(self.virt_begin(*arguments, remote=remote), code, limit)

    def __exit__(self, *_):
        for name in self._domains:
            try:
                self.virsh("destroy", name)
            except (host.Failure, subprocess.TimeoutExpired):
                pass  # it has ended by itself; our supervisor ends what is left
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(30)

    def start(self, name, xml):
        self.virsh("create", self.write(name + ".xml", xml))
        self._domains.append(name)


class Domain(Machine):
    """A guest of libvirt's. The channels' sockets are where libvirt puts them."""

    def __init__(self, libvirt, lab, name="guest", channels=(AGENT_PORT,), udev=True, daemon=True,
                 config=None, files=None, modules=(), devices="", balloon="none", slots=32):
        super().__init__()
        initrd = libvirt.path(name + ".img")
        image.write(initrd, lab.kernel, guest_files(udev, daemon, config, lab.auto_online, files),
                    modules)
        self._start(libvirt, lab, name, channels, initrd, devices=devices, balloon=balloon,
                    slots=slots)
        if daemon and not without_daemon():
            self.wait_daemon()

    def _start(self, libvirt, lab, name, channels, initrd, append="", devices="",
               on_reboot="destroy", balloon="none", slots=32):
        self.libvirt = libvirt
        self.name = name
        kernel = libvirt.path("vmlinuz")
        shutil.copyfile(lab.kernel.image, kernel)
        log = libvirt.path(name + "-serial.log")
        for path in (kernel, initrd):
            libvirt.give(path)
        os.symlink(log, lab.log_path(name + "-serial.log"))
        ports = [CHANNEL % port for port in list(channels) + [LAB_PORT]]
        libvirt.start(name, DOMAIN.format(
            type="kvm" if accelerator() == "kvm" else "qemu", name=name, kernel=kernel,
            initrd=initrd, append=(APPEND + " " + append).strip(),
            emulator=X86().emulator(), log=log, on_reboot=on_reboot, balloon=balloon,
            slots=slots, devices="\n".join(ports) + devices))
        self.attach(self.socket(LAB_PORT), BOOT_DEADLINE)

    def socket(self, port):
        """The path that libvirt chose for the host's end of a port."""
        xml = self.libvirt.virsh("dumpxml", self.name)
        for channel in re.findall(r"<channel .*?</channel>", xml, re.S):
            if "name='%s'" % port in channel:
                return re.search(r"path='([^']+)'", channel).group(1)
        raise Timeout("the domain has no channel " + port)

    def channel(self, port=AGENT_PORT):
        return Channel(self.socket(port))

    def plug(self, mebibytes=512, node=0):
        """virsh attach-device --live; {"addr", "size", "node"} of what was added."""
        path = self.libvirt.write("dimm.xml", DIMM % (mebibytes, node))
        self.libvirt.virsh("attach-device", "--live", self.name, path)
        xml = self.libvirt.virsh("dumpxml", self.name)
        base = re.findall(r"<address type='dimm' slot='\d+' base='(0x[0-9a-f]+)'/>", xml)[-1]
        return {"addr": int(base, 16), "size": mebibytes << 20, "node": node}
