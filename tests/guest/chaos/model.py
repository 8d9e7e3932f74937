# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run of chaos has made of the guest so far, and which steps may come next. No effects."""

import collections

RUNNING, STOPPED, DEAD = "running", "stopped", "dead"
AWAY, CLEAN, UNSURE = "away", "clean", "unsure"  # the host; unsure: what it reads next is anything
ONLINE, OFFLINE, UNKNOWN = "online", "offline", "unknown"
MOVABLE = frozenset(["Movable"])
KERNEL = frozenset(["Normal"])
ANY = MOVABLE | KERNEL
# What an operator writes, and where the block may be then.
WORDS = {"online": ANY, "online_movable": MOVABLE, "online_kernel": KERNEL}
SIZES = ("128M",) * 4 + ("256M",) * 3 + ("512M",) * 2 + ("1G",)
ROOM_BYTES = 6 << 30
ROOM_DIMMS = 24
NODES = 2
# Some pass, and the agent tries again by itself; EINVAL does not.
ERRORS = {"MEM_GOING_ONLINE": (12, 16, 11, 22), "MEM_GOING_OFFLINE": (16, 12)}
EINVAL = 22


class Block:
    """One memory block: `want` is what it must be in the end, `now` what it is as far as known."""

    def __init__(self, index, now):
        self.index = index
        self.want = ONLINE
        self.now = now
        self.seen = False  # an agent has certainly seen it online
        self.zones = MOVABLE


class Dimm:
    def __init__(self, found, unit, now):
        self.name, self.addr, self.size = found["id"], found["addr"], found["size"]
        self.stuck = False  # refused once: QEMU does not ask twice
        self.heard = True  # a running agent has heard, or will hear, that it came
        first = self.addr // unit
        self.blocks = [Block(first + n, now) for n in range(self.size // unit)]

    def wanted_online(self):
        return [block for block in self.blocks if block.want == ONLINE]

    def is_known(self):
        return all(block.now != UNKNOWN and (block.seen or block.want == OFFLINE)
                   for block in self.blocks)


class Model:
    def __init__(self, unit):
        self.unit = unit
        self.agent, self.host = RUNNING, AWAY
        self.udevd = self.port = True
        self.refused = None  # (action, errno) of the injected error
        self.dimms = collections.OrderedDict()

    def able(self):
        return self.agent == RUNNING

    def watched(self):
        """Whether the agent hears of what happens now."""
        return self.able() and self.udevd

    def refuses(self, action):
        return self.refused is not None and self.refused[0] == action

    def blocks(self):
        return [block for dimm in self.dimms.values() for block in dimm.blocks]

    # --- what happens

    def plugged(self, found):
        now = UNKNOWN if self.able() else OFFLINE
        dimm = self.dimms[found["id"]] = Dimm(found, self.unit, now)
        dimm.heard = self.udevd or self.agent == DEAD

    def gone(self, dimm):
        del self.dimms[dimm.name]

    def udevd_ends(self):
        """What it had not passed on yet is lost."""
        self.udevd = False
        for dimm in self.dimms.values():
            dimm.heard = dimm.is_known() or self.agent == DEAD

    def all_announced(self):
        for dimm in self.dimms.values():
            dimm.heard = True

    def agent_starts(self):
        self.all_announced()
        self.agent_goes_on()

    def agent_goes_on(self):
        self.agent = RUNNING
        for block in self.blocks():
            if block.want == ONLINE and block.now == OFFLINE:
                block.now = UNKNOWN

    def known_online(self, blocks):
        """An agent has reported so."""
        for block in blocks:
            block.now, block.seen = ONLINE, True

    def taken_offline(self, blocks):
        """By an operator, or by name: it stays so until somebody says otherwise."""
        for block in blocks:
            block.want = block.now = OFFLINE

    def onlined_by_hand(self, block, word):
        block.want = block.now = ONLINE
        block.zones = WORDS[word]

    # --- what may be chosen, each list in a fixed order

    def may_grow(self):
        return (len(self.dimms) < ROOM_DIMMS and
                sum(dimm.size for dimm in self.dimms.values()) < ROOM_BYTES)

    def may_leave(self):
        return [dimm for dimm in self.dimms.values() if not dimm.stuck]

    def may_be_asked(self):
        """DIMMs that can be taken offline by name, with one outcome that can be predicted."""
        if not self.able() or self.refuses("MEM_GOING_ONLINE"):
            return []
        return [dimm for dimm in self.may_leave() if dimm.heard]

    def may_be_pulled(self):
        """What the kernel takes off before it refuses, it must be able to bring back."""
        return [] if self.refuses("MEM_GOING_ONLINE") else self.may_leave()

    def may_go_offline(self):
        """Blocks whose offlining by hand every agent has to respect."""
        if self.refuses("MEM_GOING_OFFLINE"):
            return []
        waits = self.able() and not self.refuses("MEM_GOING_ONLINE")
        return [block for dimm in self.dimms.values() for block in dimm.wanted_online()
                if (waits and dimm.heard) or (block.now == ONLINE and block.seen)]

    def may_go_online(self):
        if self.refuses("MEM_GOING_ONLINE"):
            return []
        return [block for block in self.blocks() if block.now == OFFLINE]

    def dimm_of(self, block):
        return next(dimm for dimm in self.dimms.values() if block in dimm.blocks)


def alive(model):
    return model.agent != DEAD


def dead(model):
    return model.agent == DEAD


def connected(model):
    return model.host != AWAY


# kind: its weight, and when it is possible
STEPS = collections.OrderedDict([
    ("plug", (22, Model.may_grow)),
    ("unplug", (12, Model.may_be_asked)),
    ("offline-by-name", (3, Model.may_be_asked)),
    ("pull", (6, Model.may_be_pulled)),
    ("offline-by-hand", (10, Model.may_go_offline)),
    ("online-by-hand", (8, Model.may_go_online)),
    ("kill", (4, alive)),
    ("kill-and-start", (6, alive)),
    ("terminate", (3, Model.able)),
    ("terminate-and-start", (3, Model.able)),
    ("start", (40, dead)),
    ("stop", (4, Model.able)),
    ("continue", (25, lambda model: model.agent == STOPPED)),
    ("reload", (4, alive)),
    ("connect", (5, lambda model: model.host == AWAY)),
    ("listen", (12, lambda model: model.able() and model.port)),
    ("leave", (5, connected)),
    ("leave-in-a-line", (4, lambda model: True)),
    ("ask-and-not-read", (4, lambda model: True)),
    ("send-nonsense", (4, lambda model: True)),
    ("kill-udevd", (3, lambda model: model.udevd)),
    ("start-udevd", (15, lambda model: not model.udevd)),
    ("take-port", (3, lambda model: model.port)),
    ("give-port", (15, lambda model: not model.port)),
    ("refuse", (4, lambda model: model.refused is None)),
    ("allow", (15, lambda model: model.refused is not None)),
])


def choose_step(draw, model):
    kinds = [kind for kind, (_, possible) in STEPS.items() if possible(model)]
    return draw.choices(kinds, [STEPS[kind][0] for kind in kinds])[0]
