# SPDX-License-Identifier: GPL-2.0-or-later
"""memonlined and memonlinectl on 32768 blocks: each of them reported, memory bounded, reads linear."""

import json
import pathlib
import subprocess
import sys

import program
from daemon import PATIENCE, Daemon, Failed, Tree, expect

COUNT = 32768
FIRST = 32  # of those that the recorded guest has hot-plugged
OFFLINE = 1024  # the last ones
BLOCK = 128 << 20
# Blocks are kept twice, now and next, with what is to be written; answers go out in pieces.
RESIDENT_KIB = 16 << 10
# Each scan of a block is a few; work that grows as its square would be thousands.
READS_PER_BLOCK = 40


class LargeTree(Tree):
    """The recorded guest with so many blocks in all."""

    def __init__(self, count):
        super().__init__()
        self.memory = self.path / "sys/devices/system/memory"
        self.node = self.path / "sys/devices/system/node/node0"
        recorded = [int(path.name[6:]) for path in self.memory.glob("memory[0-9]*")]
        below = sum(number < FIRST for number in recorded)
        self.numbers = range(FIRST, FIRST + count - below)
        self.waiting = self.numbers[-OFFLINE:]
        for number in self.numbers:
            self.add(number, "offline" if number in self.waiting else "online")

    def add(self, number, state):
        block = self.memory / f"memory{number}"
        block.mkdir(exist_ok=True)
        (block / "state").write_text(state + "\n")
        (block / "valid_zones").write_text("Normal\n")
        link = self.node / block.name
        if not link.is_symlink():
            link.symlink_to("../../memory/" + block.name)


def memory_kib(daemon):
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def reads(daemon):
    """Calls of read(2) and its like so far."""
    counts = pathlib.Path(f"/proc/{daemon.process.pid}/io").read_text()
    return int(counts.split("syscr:")[1].split()[0])


def all_online_and_reported(tree, client):
    reported = client.reports(1)
    size = sum(part["size"] for report in reported for part in report["ranges"]
               if part["to"] == "online" and part["result"] == "success")
    expect(size == OFFLINE * BLOCK, size >> 20, "MiB reported online")
    expect({tree.state(number) for number in tree.waiting} == {"online"}, "a block is not online")


def each_is_listed(count, client):
    blocks = client.execute("guest-get-memory-blocks")["return"]
    expect(len(blocks) == count and len({block["phys-index"] for block in blocks}) == count,
           len(blocks), "blocks in guest-get-memory-blocks")
    expect(all(block["online"] for block in blocks), "one of them is not online")
    ranges = client.execute("memonline-get-ranges")["return"]
    expect(sum(part["size"] for part in ranges) == count * BLOCK, "ranges", ranges)


def ctl_lists(count, daemon):
    done = subprocess.run(program.command("memonlinectl", "--socket", daemon.socket, "list",
                                          "--all", "--json"),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE,
                          check=False)
    expect(done.returncode == 0, "list:", done.stderr)
    rows = json.loads(done.stdout)["memory"]
    expect(len(rows) == count, len(rows), "rows in list --all")


def tells_of(count):
    """From the start to the last answer."""
    tree = LargeTree(count)
    tree.configure("[memonlined]\npolicy = online\n")
    try:
        daemon = Daemon(tree).start()
        try:
            client = daemon.connect()
            all_online_and_reported(tree, client)
            each_is_listed(count, client)
            ctl_lists(count, daemon)
            kib, calls = memory_kib(daemon), reads(daemon)
            print(f"{count} blocks: {kib} KiB resident at its highest, {calls} reads")
            if program.is_itself():
                expect(kib < RESIDENT_KIB, kib, "KiB resident at its highest")
            expect(calls <= READS_PER_BLOCK * count, calls, "reads")
        finally:
            daemon.end()
    finally:
        tree.remove()


def main():
    name = f"{COUNT}-blocks"
    try:
        tells_of(COUNT)
    except (Failed, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
        print(f"not ok {name} {type(error).__name__}: {error}", flush=True)
        return 1
    print(f"ok {name}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
