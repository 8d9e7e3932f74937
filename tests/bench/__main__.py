# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures memonlined beside the kernel, the udev rule, qemu-ga and lsmem, in real guests.

usage: tests/bench/run [OPTION...]

  --rounds N    how often each is measured (default 5)
  --quick       little of everything, to see that it works: its numbers say nothing
  --only PART   onlining, resting, queries or footprint
  --size SIZE   of the DIMM that is plugged, as 16G; may be given again
  --beside DIR  onlining by another build's memonlined and memonlinectl in DIR, too
  --json        print the results as JSON in place of the tables
  --help        this text

The results are kept in .build/bench.json, too. No time makes this fail.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys

from lab import guest_agent, kernel, packages, paths, platform, tree
from lab.guest import Guest
from lab.scenario import Lab

from . import footprint, onlining, queries, report, resting, tools

PLANS = {
    False: {"memory": "4G", "sizes": ("16G", "64G"), "idle_sec": 60,
            "counts": (128, 1024, 8192, 32768)},
    True: {"memory": "1G", "sizes": ("1G",), "idle_sec": 5, "counts": (128, 1024)},
}


def parse(argv):
    parser = argparse.ArgumentParser(prog="tests/bench/run", usage=argparse.SUPPRESS,
                                     add_help=False)
    for flag in ("--quick", "--json", "--help"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("onlining", "resting", "queries", "footprint"))
    parser.add_argument("--size", action="append")
    parser.add_argument("--beside")
    return parser.parse_args(argv)


def prepare():
    """The programs under test; tests/run has built them already where it calls this."""
    packages.install(["build", "guest"])
    if "MEMONLINE_BUILD" not in os.environ:
        tools.progress("building")
        with tree.lock(tools.progress):
            subprocess.check_call([sys.executable, "-m", "lab", "tree"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    os.environ["MEMONLINE_KERNEL"] = (os.environ.get("MEMONLINE_KERNEL") or
                                      kernel.download(tools.progress))


def cpu_model():
    with open("/proc/cpuinfo") as info:
        found = re.search(r"^model name\s*: (.*)$", info.read(), re.M)
    return found.group(1).strip() if found else "unknown processor"


def machine(guest, options):
    version = subprocess.check_output([platform.X86().emulator(), "--version"]).decode()
    return {"date": datetime.date.today().isoformat(), "cpu": cpu_model(),
            "cores": os.cpu_count(), "qemu": re.search(r"version (\S+)", version).group(1),
            "accelerator": platform.accelerator(), "kernel": guest.read(
                "/proc/sys/kernel/osrelease"), "rounds": options.rounds}


def rest(guest, plan, port):
    """After what a daemon does in its life: a DIMM has come, and a host asks."""
    tools.write_config(guest)
    guest.start_daemon()
    guest.sh(guest_agent.start_script())
    dimm = guest.plug(plan["sizes"][0])
    guest.wait_blocks(dimm["addr"], dimm["size"], "online", 600)
    found = resting.measure(guest, (guest.channel_path(), port), plan["idle_sec"])
    found = {"daemons": found,
             "subscribed": resting.subscribed(guest, guest.channel_path(), plan["idle_sec"])}
    queries.stop_agents(guest)
    return found


def in_one_guest(lab, plan, options):
    port = lab.temp_path("qga.sock")
    files = dict(tools.programs(), **guest_agent.files())
    files.update(tools.rules())
    files.update(onlining.files_beside(options.beside))
    parts = {"onlining": lambda: onlining.measure(guest, plan["sizes"], options.rounds,
                                                 onlining.contenders(options.beside)),
             "resting": lambda: rest(guest, plan, port),
             "queries": lambda: queries.measure(guest, plan["counts"], options.rounds, port)}
    with Guest(lab, memory=plan["memory"], maxmem="128G", daemon=False, files=files,
               arguments=guest_agent.arguments(port)) as guest:
        results = {"machine": machine(guest, options)}
        for name, part in parts.items():
            if options.only in (None, name):
                results[name] = part()
        return results


def measure(options):
    lab = Lab("bench")
    try:
        plan = dict(PLANS[options.quick])
        plan["sizes"] = options.size or plan["sizes"]
        results = in_one_guest(lab, plan, options)
    except BaseException:
        lab.print_logs()
        raise
    finally:
        lab.close()
    if options.only in (None, "footprint"):
        results["footprint"] = footprint.measure(options.rounds)
    return results


def main(argv):
    options = parse(argv)
    if options.help:
        print(__doc__.strip())
        return 0
    if options.quick:
        options.rounds = 1
    try:
        prepare()
        results = measure(options)
    except packages.Missing as reason:
        print("tests/bench/run: %s" % reason)
        return 1
    with open(os.path.join(paths.BUILD, "bench.json"), "w") as out:
        json.dump(results, out, indent=1)
    print(json.dumps(results, indent=1) if options.json else report.text(results), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
