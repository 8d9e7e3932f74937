# SPDX-License-Identifier: GPL-2.0-or-later
"""What each kind of step does to the guest and to the model."""

from lab import equal
from lab.machine import AGENT_PORT
from model import (AWAY, CLEAN, DEAD, ERRORS, EINVAL, NODES, OFFLINE, ONLINE, RUNNING, SIZES,
                   STOPPED, UNKNOWN, UNSURE, WORDS, ANY)

REFUSE = "/sys/kernel/debug/notifier-error-inject/memory/actions/%s/error"
PORTS = "grep -qx %s /sys/class/virtio-ports/*/name" % AGENT_PORT
PID = "$(cat /run/memonlined.pid)"
BY_HAND_SEC = 20  # the kernel would try to offline for ever
BY_NAME_SEC = 60
HALF_A_LINE = b'{"execute": "guest-sync", "argum'
NONSENSE = (b"nonsense\n", b"\xff\xff{]\n", b'{"execute": "memonline-nothing"}\n', b"\0" * 300,
            b'{"execute": "memonline-offline", "arguments": {"start": -1}}\n', b'"' * 5000 + b"\n",
            b'{"execute": "memonline-subscribe", "arguments": {"since": "x"}}\n', b"[" * 100)
QUESTIONS = 50


class Steps:
    """`draw` is a generator of this step's own: what comes later does not hang on it."""

    def __init__(self, guest, model, accounts, reader):
        self.guest, self.model, self.accounts, self.reader = guest, model, accounts, reader
        self.draw = None
        self.channel = None
        self.left = set()  # blocks that went since all was settled; others may have their numbers
        self.hurry = False  # an error was injected that only SIGHUP or an event ends

    def make(self, kind, draw):
        self.draw = draw
        getattr(self, {"continue": "go_on"}.get(kind, kind.replace("-", "_")))()

    def say(self, *words):
        print("    " + " ".join(str(word) for word in words), flush=True)

    # --- memory

    def plug(self):
        size, node = self.draw.choice(SIZES), self.draw.randrange(NODES)
        found = self.guest.plug(size, node=node)
        self.say(found["id"], size, "node", node, "at memory%d" % (found["addr"] //
                                                                  self.model.unit))
        self.model.plugged(found)
        self.guest.wait_blocks(found["addr"], found["size"])

    def wait_online(self, dimm):
        """Until the agent has it as the policy says, or an operator."""
        if dimm.is_known():
            return
        if self.hurry:
            self.reload()
            self.hurry = False
        wanted = dimm.wanted_online()
        files = " ".join("memory%d/state" % block.index for block in wanted)
        # Without a request, which would cause a scan.
        self.guest.until("cd /sys/devices/system/memory && ! cat %s | grep -vx online" % files,
                         300)
        # It answers after the write.
        self.guest.sh("memonlinectl status")
        self.model.known_online(wanted)

    def ask_offline(self, dimm):
        """Whether it did. All are offline then, or all are as before."""
        self.wait_online(dimm)
        before = {block.index: block.now for block in dimm.blocks}
        first, last = dimm.blocks[0].index, dimm.blocks[-1].index
        output = self.guest.run("memonlinectl --timeout %d offline --timeout-offline %d %d-%d" % (
            2 * BY_NAME_SEC, BY_NAME_SEC, first, last), 3 * BY_NAME_SEC)
        found = self.guest.blocks(dimm.addr, dimm.size)
        if output.status == 0:
            equal(set(found.values()), {OFFLINE}, "states after the offline of %s" % dimm.name)
            self.model.taken_offline(dimm.blocks)
        else:
            self.say("refused:", " ".join(output.text.split()))
            equal(output.status, 1, "exit status of the offline of %s" % dimm.name)
            equal(found, before, "states after the refused offline of %s" % dimm.name)
        if self.model.refuses("MEM_GOING_OFFLINE"):
            equal(output.status == 0, ONLINE not in before.values(), "offline under an error")
        return output.status == 0

    def unplug(self):
        dimm = self.draw.choice(self.model.may_be_asked())
        self.say(dimm.name)
        if self.ask_offline(dimm):
            self.release(dimm)

    def offline_by_name(self):
        dimm = self.draw.choice(self.model.may_be_asked())
        self.say(dimm.name)
        self.ask_offline(dimm)

    def pull(self):
        """Without asking the agent: the kernel takes the blocks offline by itself, or does not."""
        dimm = self.draw.choice(self.model.may_be_pulled())
        self.say(dimm.name)
        self.release(dimm)

    def release(self, dimm):
        if self.guest.let_go(dimm.name):
            self.gone(dimm)
            return
        self.say("the kernel refused")
        dimm.stuck = True
        for block in dimm.blocks:
            # What it took off before it gave up, it brings back where it likes.
            block.zones = ANY

    def gone(self, dimm):
        self.model.gone(dimm)
        indices = [block.index for block in dimm.blocks]
        self.left.update(indices)
        if not self.model.watched():
            self.accounts.unwatched(indices)

    def offline_by_hand(self):
        block = self.draw.choice(self.model.may_go_offline())
        self.say("memory%d" % block.index)
        if block.now == UNKNOWN or not block.seen:
            self.wait_online(self.model.dimm_of(block))
        output = self.write(block, "offline")
        if output.status:
            self.say("the kernel refused:", output.text.strip())
        else:
            self.model.taken_offline([block])

    def online_by_hand(self):
        block = self.draw.choice(self.model.may_go_online())
        word = self.draw.choice(sorted(WORDS))
        self.say("memory%d" % block.index, word)
        output = self.write(block, word)
        equal(output.status, 0, "status of the %s by hand: %s" % (word, output.text))
        self.model.onlined_by_hand(block, word)

    def write(self, block, word):
        return self.guest.run("timeout %d sh -c 'echo %s >/sys/devices/system/memory/memory%d/"
                              "state'" % (BY_HAND_SEC, word, block.index), 10 * BY_HAND_SEC)

    # --- the kernel

    def refuse(self):
        action = self.draw.choice(sorted(ERRORS))
        error = self.draw.choice(ERRORS[action])
        self.say(action, error)
        self.guest.sh("echo -%d >%s" % (error, REFUSE % action))
        self.model.refused = (action, error)
        self.hurry = self.hurry or error == EINVAL

    def allow(self):
        self.guest.sh("echo 0 >%s" % (REFUSE % self.model.refused[0]))
        self.model.refused = None

    # --- the agent

    def ends(self, signal):
        self.guest.stop_daemon(signal)
        self.accounts.unwatched(self.left)
        self.model.agent = DEAD
        self.unsure()

    def kill(self):
        self.ends("KILL")

    def terminate(self):
        self.ends("TERM")

    def start(self):
        self.guest.start_daemon()
        self.model.agent_starts()

    def kill_and_start(self):
        self.kill()
        self.start()

    def terminate_and_start(self):
        self.terminate()
        self.start()

    def stop(self):
        self.guest.signal_daemon("STOP")
        self.guest.until("grep -q '^State:.T' /proc/%s/status" % PID)
        self.accounts.unwatched(self.left)
        self.model.agent = STOPPED

    def go_on(self):
        self.guest.signal_daemon("CONT")
        self.model.agent_goes_on()

    def reload(self):
        self.guest.signal_daemon("HUP")

    # --- the host

    def unsure(self):
        self.reader.unsure()
        if self.model.host != AWAY:
            self.model.host = UNSURE

    def connect(self):
        if self.model.host == AWAY:
            self.channel = self.guest.channel()
            self.model.host = UNSURE
            self.reader.unsure()

    def leave(self):
        self.channel.close()
        self.channel, self.model.host = None, AWAY

    def listen(self):
        """Connected and subscribed, with all that was pushed until a question was answered."""
        self.connect()
        if self.model.host == UNSURE:
            self.reader.subscribe(self.channel)
            self.model.host = CLEAN
        self.channel.request("guest-ping")
        self.reader.take(self.channel)

    def send(self, data):
        self.connect()
        self.channel.send(data)
        self.unsure()

    def leave_in_a_line(self):
        self.send(HALF_A_LINE)
        self.leave()

    def ask_and_not_read(self):
        stays = self.draw.random() < 0.5
        self.send(b'{"execute": "memonline-get-ranges"}\n' * QUESTIONS)
        if not stays:
            self.leave()

    def send_nonsense(self):
        self.send(self.draw.choice(NONSENSE))

    def take_port(self):
        self.guest.unplug_port()
        self.guest.until("! " + PORTS)
        self.model.port = False
        self.unsure()

    def give_port(self):
        self.guest.plug_port()
        self.guest.until(PORTS)
        self.model.port = True

    # --- udevd

    def kill_udevd(self):
        self.guest.kill_udevd()
        self.accounts.unwatched(self.left)
        self.model.udevd_ends()

    def start_udevd(self):
        self.guest.start_udevd()
        self.model.udevd = True

    # --- all at rest

    def settle(self):
        """Nothing broken, everybody connected; the agent scans all blocks as at boot."""
        if self.model.refused:
            self.allow()
        {RUNNING: lambda: None, STOPPED: self.go_on, DEAD: self.start}[self.model.agent]()
        if not self.model.udevd:
            self.start_udevd()
        self.guest.sh("udevadm trigger --action=add --subsystem-match=memory && udevadm settle")
        self.model.all_announced()
        if not self.model.port:
            self.give_port()
        for dimm in self.model.dimms.values():
            self.wait_online(dimm)
        self.listen()
