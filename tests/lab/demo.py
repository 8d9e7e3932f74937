# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots a guest, plugs 512 MiB into it and shows what guest and host see.

Progress goes to standard error, the transcript to standard output.
"""

import os
import subprocess
import sys

from . import host, kernel, packages, paths, tree
from .expect import all_online
from .guest import Guest
from .scenario import Failure, Lab, check

SIZE = "512M"
SIZE_KIB = 512 << 10
PLUG = ('{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", '
        '"id": "mem-dimm1", "size": 536870912}}',
        '{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "dimm1", '
        '"memdev": "mem-dimm1", "node": 0}}')


def progress(text):
    print("... " + text, file=sys.stderr, flush=True)


def show(prompt, text):
    print("%s\n%s\n" % (prompt, text.rstrip()), flush=True)


def build():
    log_path = os.path.join(paths.LOGS, "demo-build.log")
    os.makedirs(paths.LOGS, exist_ok=True)
    with open(log_path, "w") as log:
        status = subprocess.call([sys.executable, "-m", "lab", "tree"], stdin=subprocess.DEVNULL,
                                 stdout=log, stderr=subprocess.STDOUT)
    check(status == 0, "the build failed, see " + log_path)


def prepare():
    progress("installing what is missing (compiler, libraries, QEMU)")
    packages.install(["build", "guest"])
    progress("building memonline")
    with tree.lock(progress):
        build()
    progress("fetching a guest kernel")
    os.environ["MEMONLINE_KERNEL"] = os.environ.get("MEMONLINE_KERNEL") or kernel.download()


def meminfo(guest):
    return guest.sh("grep MemTotal /proc/meminfo")


def transcript(guest):
    """README.md has it."""
    before = guest.memory_kib()
    show("guest# grep MemTotal /proc/meminfo", meminfo(guest))
    with guest.channel() as channel:
        dimm = guest.plug(SIZE)
        show("qmp> plug " + SIZE, "\n".join(PLUG))
        channel.event()
        show("host$ the report, as read from the guest's channel", channel.raw.decode())
    all_online(guest, dimm)
    show("host$ memonlinectl --socket CHANNEL list",
         host.ctl("--socket", guest.channel_path(), "list"))
    show("guest# grep MemTotal /proc/meminfo", meminfo(guest))
    grown = guest.memory_kib() - before
    check(grown == SIZE_KIB, "MemTotal grew by %d KiB, not by %d" % (grown, SIZE_KIB))
    print("MemTotal grew by %d MiB.\n" % (grown >> 10))


def more(guest):
    show("host$ memonlinectl --socket CHANNEL map",
         host.ctl("--socket", guest.channel_path(), "map"))
    show("guest# memonlinectl explain 35", guest.ctl("explain 35"))
    show("guest# memonlinectl status", guest.ctl("status"))
    show("guest# lsmem", guest.sh("lsmem"))


def main(_argv):
    lab = None
    try:
        prepare()
        lab = Lab("demo")
        progress("booting a guest with 1 GiB (%s)" % os.path.basename(lab.kernel.image))
        with Guest(lab) as guest:
            progress("plugging %s" % SIZE)
            transcript(guest)
            more(guest)
    except (Failure, packages.Missing) as error:
        print("tests/demo: %s" % error, file=sys.stderr)
        return 1
    finally:
        if lab:
            lab.close()
    return 0
