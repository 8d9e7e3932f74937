# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory eaten in a guest until the OOM killer is at work.

Eaters hold anonymous memory and are started again when they are killed. They are less likely
victims than any process that nobody protected, so that one of those would go first. What need not
be killable is taken as huge pages: that costs the host nothing, since nobody touches them.
"""

import pathlib
import re
import time

from .scenario import check

# Huge pages for programs would raise what the kernel keeps free with each DIMM.
APPEND = "log_buf_len=4M init_on_alloc=0 transparent_hugepage=never"
RESERVE = "echo 4096 >/proc/sys/vm/min_free_kbytes; "
POOL = "/proc/sys/vm/nr_hugepages"
GIVEN_BACK = "memory is given back"
EATER = "/lab/eat"
FILES = {EATER: (b"""\
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# eat MEBIBYTES [once]: takes them and holds them, again whenever the kernel has killed it.
while :; do
	sh -c 'echo -500 >/proc/$$/oom_score_adj
		exec awk -v n="$1" '\\''BEGIN {
			mebibyte = sprintf("%1048576s", "")
			while (i < n) held[i++] = mebibyte i
			getline <"/run/hold"
		}'\\' eat "$1" 2>/dev/null
	[ "$2" ] && exit
	sleep 2
done
""", 0o755)}


def prepare(guest):
    """Protects what is the lab's and what service managers protect; not the agent.

    The console shows every process killed, and not the state of all memory each time. What is
    free is free for all uses, else it could not be measured out.
    """
    guest.sh("for pid in 1 $PPID $$ $(pidof systemd-udevd); do "
             "echo -1000 >/proc/$pid/oom_score_adj; done; "
             "mkfifo /run/hold; echo 0 >/proc/sys/vm/oom_dump_tasks; "
             "dmesg -n 4; echo 0 0 0 0 0 >/proc/sys/vm/lowmem_reserve_ratio; " + RESERVE)


def start(guest, count, mebibytes, again=True):
    guest.sh("for n in $(seq %d); do setsid %s %d %s </dev/null >/dev/null 2>&1 & "
             "echo $! >>/run/eaters; done"
             % (count, EATER, mebibytes, "" if again else "once"))


def stop(guest):
    """Each with its group: what it is just about to start as well."""
    guest.sh("for pid in $(cat /run/eaters); do kill -9 -$pid; done; rm /run/eaters")


def kills(guest):
    """How often the OOM killer has killed so far."""
    return int(guest.sh("grep '^oom_kill ' /proc/vmstat").split()[1])


def wait_kills(guest, more, deadline=300):
    """Until it has killed so often again: it is at work."""
    guest.until('[ "$(sed -n "s/^oom_kill //p" /proc/vmstat)" -ge %d ]'
                % (kills(guest) + more), deadline)


def wait_fed(guest, count, mebibytes, deadline=300):
    """Until every eater holds all it wants: nobody has been killed of late."""
    end = time.monotonic() + deadline
    while True:
        found = guest.sh("for pid in $(pidof awk); do grep VmRSS /proc/$pid/status; done; true")
        held = [int(kib) >> 10 for kib in re.findall(r"VmRSS:\s+(\d+)", found)]
        if len(held) == count and min(held) >= mebibytes:
            return
        check(time.monotonic() < end, "eaters hold %s MiB, not %d times %d"
              % (held, count, mebibytes))
        time.sleep(1)


def free_kib(guest):
    return int(re.search(r"MemFree:\s+(\d+)", guest.read("/proc/meminfo")).group(1))


def leave_free(guest, mebibytes, deadline=120):
    """Takes the rest as huge pages of 2 MiB. What was killed gives its memory back in its time.

    With each DIMM that is brought online the kernel raises its reserve.
    """
    end = time.monotonic() + deadline
    while True:
        guest.sh(RESERVE + "echo 3 >/proc/sys/vm/drop_caches")
        spare = (free_kib(guest) >> 11) - (mebibytes >> 1)
        if abs(spare) <= 1:
            return
        check(time.monotonic() < end, "%d KiB stay free, not %d MiB" % (free_kib(guest), mebibytes))
        guest.sh("echo %d >%s" % (max(int(guest.read(POOL)) + spare, 0), POOL))


def give_back(guest):
    guest.sh("echo 0 >" + POOL)


def give_back_when_refused(guest, setting, value):
    """Once the kernel has refused a DIMM for lack of memory, `setting` gets its value.

    Linux 6.1 keeps what it took for the pages it could describe. Nothing else may need memory
    meanwhile, so a shell that has no need to fork watches, and this side asks the guest nothing. It
    reads byte by byte: what the kernel has said so far is taken out of its way.
    """
    guest.sh("timeout 2 cat /proc/kmsg >/dev/null; (while read -r line; do "
             "case $line in *'add_memory failed'*) break;; esac; done </proc/kmsg; echo %s >%s; echo '%s' >/dev/console) >/dev/null 2>&1 &"
             % (value, setting, GIVEN_BACK))


def plug_refused(guest, size, setting, value, deadline=300):
    """Plugs a DIMM that the kernel refuses for lack of memory; then `setting` gets its value."""
    give_back_when_refused(guest, setting, value)
    dimm = guest.plug(size)
    end = time.monotonic() + deadline
    while GIVEN_BACK not in console(guest):
        check("Kernel panic" not in console(guest), "the kernel has given up")
        check(time.monotonic() < end, "the kernel has not refused a DIMM of " + size)
        time.sleep(0.2)
    return dimm


def console(guest):
    return pathlib.Path(guest.log).read_text(errors="replace")


def victims(guest):
    """Names of all processes killed so far, as the console has them."""
    return re.findall(r"Killed process \d+ \((.*?)\) total-vm", console(guest))
