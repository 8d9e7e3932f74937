# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test does inside a guest, however it was started."""

import base64
import collections
import json
import re
import time

from . import packages
from .stream import Stream, Timeout, patience, without_daemon

Output = collections.namedtuple("Output", "status text")

AGENT_PORT = "org.memonline.agent.0"
LAB_PORT = "org.memonline.lab"


class CommandFailed(Exception):
    """A command in the guest ended with a status other than 0."""


def size_bytes(size):
    """"512M" -> bytes."""
    if isinstance(size, int):
        return size
    return int(size[:-1]) * {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}[size[-1]]


def guest_files(udev, daemon, config, auto_online, files):
    """What is laid over the root of one guest."""
    options = {"UDEV": "yes" if udev else "no",
               "DAEMON": "yes" if daemon and not without_daemon() else "no",
               "AUTO_ONLINE": auto_online}
    lines = "".join("%s=%s\n" % item for item in sorted(options.items()))
    found = {"/lab/options": lines.encode()}
    if config is not None:
        found["/etc/memonlined.conf"] = config.encode()
    found.update(files or {})
    return found


class Machine:
    """A running guest, reached by its lab port (a unix socket on the host)."""

    def __init__(self):
        self._lab = None
        self._command_id = 0

    def attach(self, lab_path, deadline):
        """Waits until the guest is up. A command sent earlier waits for its reader."""
        self._lab = Stream(lab_path, deadline)
        self.sh("true", deadline)

    def run(self, script, deadline=120):
        """Runs a shell script in the guest: (status, text), both streams in the text."""
        self._command_id += 1
        mark = "=%d " % self._command_id
        line = "%d %s\n" % (self._command_id, base64.b64encode(script.encode()).decode())
        self._lab.send(line.encode())
        until = time.monotonic() + deadline
        while True:
            answer = self._lab.line(max(until - time.monotonic(), 0.01)).decode("latin-1")
            if answer.startswith(mark):
                break
        _, status, data = (answer + " ").split(" ")[:3]
        return Output(int(status), base64.b64decode(data).decode("utf-8", "replace"))

    def sh(self, script, deadline=120):
        """The output of a script that must succeed."""
        output = self.run(script, deadline)
        if output.status:
            raise CommandFailed("status %d from: %s\n%s" % (output.status, script, output.text))
        return output.text

    def read(self, path):
        return self.sh("cat '%s'" % path).strip()

    def until(self, script, deadline=120):
        """Runs a script again and again until it succeeds; its output."""
        end = time.monotonic() + patience(deadline)
        while True:
            output = self.run(script)
            if output.status == 0:
                return output.text
            if time.monotonic() >= end:
                raise Timeout("never came true in the guest: %s\n%s" % (script, output.text))
            time.sleep(0.2)

    # --- memory

    def memory_kib(self):
        return int(re.search(r"MemTotal:\s+(\d+)", self.read("/proc/meminfo")).group(1))

    def block_bytes(self):
        return int(self.read("/sys/devices/system/memory/block_size_bytes"), 16)

    def blocks(self, start=0, size=1 << 62):
        """{index: state} of the memory blocks in a range of addresses. One may just be going."""
        found = self.sh("cd /sys/devices/system/memory && for block in memory[0-9]*; do "
                        "state=$(cat $block/state 2>/dev/null) && "
                        "echo ${block#memory} $state; done; true")
        unit = self.block_bytes()
        states = (line.split() for line in found.splitlines())
        return {int(index): state for index, state in states
                if start <= int(index) * unit < start + size}

    def wait_blocks(self, start, size, state=None, deadline=120):
        """Until every block of the range exists (and is in this state); their indices."""
        unit = self.block_bytes()
        first, count = start // unit, size // unit
        test = '[ "$(cat $b/state)" = %s ]' % state if state else "[ -e $b/state ]"
        self.until("cd /sys/devices/system/memory && for n in $(seq %d %d); do "
                   "b=memory$n; [ -e $b/state ] && %s || { echo $b; exit 1; }; done"
                   % (first, first + count - 1, test), deadline)
        return list(range(first, first + count))

    def zones(self, dimm):
        """The zone of each of its blocks; for an offline one what it may be onlined to."""
        unit = self.block_bytes()
        numbers = range(dimm["addr"] // unit, (dimm["addr"] + dimm["size"]) // unit)
        found = self.sh("cd /sys/devices/system/memory && cat " + " ".join(
            "memory%d/valid_zones" % number for number in numbers))
        return found.splitlines()

    def present_bytes(self):
        """{zone: bytes} in /proc/zoneinfo, all nodes together."""
        found = collections.defaultdict(int)
        zone = None
        for line in self.read("/proc/zoneinfo").splitlines():
            words = line.split()
            if words[0] == "Node":
                zone = words[3]
            elif words[0] == "present":
                found[zone] += int(words[1]) * 4096
        return {zone: size for zone, size in found.items() if size}

    def write_word(self, number, word):
        """By hand, as an administrator does it."""
        self.sh("echo %s > /sys/devices/system/memory/memory%d/state" % (word, number))

    def auto_online(self):
        """What the kernel does by itself with memory that comes now; "offline" on old ones."""
        return self.sh("cat /sys/devices/system/memory/auto_online_blocks 2>/dev/null || "
                       "echo offline").strip()

    def onlines_itself(self):
        """Whether this kernel brings memory online without any setting."""
        return self.read("/run/auto_online_blocks") not in ("", "offline")

    # --- the agent

    def start_daemon(self, arguments="", deadline=120):
        if not without_daemon():
            self.sh("/lab/start-daemon " + arguments)
            self.wait_daemon(deadline)

    def wait_daemon(self, deadline=120):
        """Until it answers: what is plugged from then on is an event to it."""
        self.until("memonlinectl status >/dev/null", deadline)

    def stop_daemon(self, signal="TERM", deadline=60):
        if without_daemon():
            return
        self.sh("kill -%s $(cat /run/memonlined.pid)" % signal)
        self.until("! kill -0 $(cat /run/memonlined.pid)", deadline)

    def leave_to_rules(self):
        """Where memonlined was not started, nothing keeps udev's rules from bringing memory online."""

    def signal_daemon(self, signal):
        self.sh("kill -%s $(cat /run/memonlined.pid)" % signal)

    def kill_udevd(self):
        self.sh("kill -KILL $(pidof systemd-udevd)")

    def start_udevd(self):
        self.sh(packages.UDEVD[0] + " --daemon")

    def ctl(self, arguments, deadline=120):
        return self.sh("memonlinectl " + arguments, deadline)

    def ctl_json(self, arguments, deadline=120):
        return json.loads(self.ctl(arguments, deadline))

    def settle(self):
        """Until udevd has dealt with all events so far."""
        self.sh("udevadm settle")
