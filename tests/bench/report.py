# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as text, and how they stand beside what is aimed at."""

from . import onlining, queries

KERNEL, FLOOR, RULE, BY_UDEV, BY_KERNEL = (each.name for each in onlining.CONTENDERS)
QUERY = "memonlined: " + queries.COMMAND
LIST, LSMEM = "memonlinectl list", "lsmem --sysroot"
START = "memonlined: start-up"
AIM_BLOCKS = 8192


def table(title, head, rows):
    """Text to the left, numbers to the right."""
    rows = [[str(cell) for cell in row] for row in [head] + rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [title, ""]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    lines.insert(3, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def onlining_rows(size, found):
    base = found[KERNEL]["wall_sec"]
    for name, run in found.items():
        if name == "blocks":
            continue
        user = run["user_usec_per_block"]
        yield [name, size, "%.3f" % run["begun_sec"], "%.3f" % run["wall_sec"], "%.2f" % (run["wall_sec"] / base),
               "%.3f-%.3f" % (min(run["wall_sec_all"]), max(run["wall_sec_all"])),
               "%.0f" % user[onlining.AGENT], "%.0f" % user[onlining.UDEVD]]


def onlining_table(found):
    rows = [row for size in found for row in onlining_rows(size, found[size])]
    return table("Onlining: first block seen to last block online; user-mode CPU per block",
                 ["who", "DIMM", "first s", "all s", "to kernel", "range s", "agent us", "udevd us"],
                 rows)


def resting_rows(found):
    for name, run in found["daemons"].items():
        idle = [run[state][key] for state in ("host", "no_host")
                for key in ("wakeups_per_min", "cpu_usec_per_min")]
        yield ([name, run["pss_kib"], run["rss_kib"], run["files_kib"]] +
               ["%.0f" % each for each in idle])


def resting_table(found):
    text = table("At rest, after a DIMM and a query; first with hosts connected, then without",
                 ["daemon", "PSS KiB", "RSS KiB", "files KiB", "wake-ups/min", "CPU us/min",
                  "wake-ups/min", "CPU us/min"], list(resting_rows(found)))
    rows = [[source] + ["%.0f" % run[key] for key in ("wakeups_per_min", "cpu_usec_per_min")]
            for source, run in found["subscribed"].items()]
    return text + "\n\n" + table(
        "memonlined at rest, while a host is subscribed to memory pressure",
        ["stalls known by", "wake-ups/min", "CPU us/min"], rows)


def query_rows(found):
    for count, runs in found.items():
        for name, run in sorted(runs.items()):
            yield [name, count, "%.1f" % (run["wall_sec"] * 1e3),
                   "%.1f" % (run["cpu_sec"] * 1e3),
                   "%.2f" % (run["cpu_sec"] * 1e6 / int(count)), run.get("peak_kib", "")]


def queries_table(found):
    return table("Lists of blocks", ["what", "blocks", "median ms", "CPU ms", "CPU us/block",
                                     "peak KiB"], list(query_rows(found)))


def footprint_table(found):
    rows = [[name, "%.0f" % (sizes["package_bytes"] / 1024), sizes["installed_kib"],
             *("%.0f" % (sizes[key] / 1024) if key in sizes else ""
               for key in ("memonlined_bytes", "memonlinectl_bytes"))]
            for name, sizes in found.items() if "package_bytes" in sizes]
    text = table("On disk, KiB", ["package", "deb", "installed", "memonlined", "memonlinectl"],
                 rows)
    starts = [[unit, "%.1f" % (usec / 1e3)] for unit, usec in found["unit_start_usec"].items()]
    return text + "\n\n" + table("A unit's start under systemd", ["unit", "median ms"], starts)


# --- aims

def wall_aims(found):
    for size, runs in found.items():
        for name in (BY_UDEV, BY_KERNEL):
            wall = runs[name]["wall_sec"]
            yield ("%s, %s: wall time beside the kernel's own" % (size, name), "<= 1.05",
                   wall / runs[KERNEL]["wall_sec"], lambda ratio: ratio <= 1.05)
            yield ("%s, %s: wall time beside the udev rule's" % (size, name), "< 1",
                   wall / runs[RULE]["wall_sec"], lambda ratio: ratio < 1)


def cpu_aims(found):
    for size, runs in found.items():
        udevd = runs[RULE]["user_usec_per_block"][onlining.UDEVD]
        for name in (BY_UDEV, BY_KERNEL):
            if udevd:
                yield ("%s, %s: user CPU beside udevd's with the rule" % (size, name), "<= 0.2",
                       runs[name]["user_usec_per_block"][onlining.AGENT] / udevd,
                       lambda ratio: ratio <= 0.2)


def resting_aims(found):
    daemons = found["daemons"]
    yield ("PSS beside qemu-ga's", "< 1",
           daemons["memonlined"]["pss_kib"] / daemons["qemu-ga"]["pss_kib"], lambda ratio: ratio < 1)
    for state in ("host", "no_host"):
        yield ("wake-ups in an idle minute without a watchdog, %s" % state.replace("_", " "), "0",
               daemons["memonlined"][state]["wakeups_per_min"], lambda count: count == 0)


def query_aims(found):
    runs = found.get(AIM_BLOCKS)
    if not runs:
        return
    for key, text in (("wall_sec", "time at the host"), ("cpu_sec", "agent's CPU")):
        yield ("query of %d blocks, %s: qemu-ga beside memonlined" % (AIM_BLOCKS, text), ">= 5",
               runs["qemu-ga: " + queries.COMMAND][key] / runs[QUERY][key],
               lambda ratio: ratio >= 5)
    yield ("list of %d blocks: lsmem beside memonlinectl" % AIM_BLOCKS, ">= 3",
           runs[LSMEM]["wall_sec"] / runs[LIST]["wall_sec"], lambda ratio: ratio >= 3)


def flat_aims(found):
    counts = sorted(found)
    for name in (QUERY, LIST, START):
        cost = [found[count][name]["cpu_sec"] / count for count in counts[-2:]]
        if len(cost) == 2:
            yield ("%s: CPU per block, %d beside %d blocks" % (name, counts[-1], counts[-2]),
                   "<= 1.25", cost[1] / cost[0], lambda ratio: ratio <= 1.25)


def aims(results):
    """[(what, aim, found, met)]; printed only: no test passes or fails by a time."""
    rows = []
    for part, functions in (("onlining", (wall_aims, cpu_aims)), ("resting", (resting_aims,)),
                            ("queries", (query_aims, flat_aims))):
        for function in functions if part in results else ():
            rows += [(what, aim, found, holds(found))
                     for what, aim, found, holds in function(results[part])]
    return rows


def aims_table(results):
    rows = [[what, aim, "%.2f" % found, "yes" if met else "no"]
            for what, aim, found, met in aims(results)]
    return table("Aims", ["what", "aim", "found", "met"], rows)


TABLES = {"onlining": onlining_table, "resting": resting_table, "queries": queries_table,
          "footprint": footprint_table}


def text(results):
    parts = ["%(date)s, %(cpu)s, %(cores)d cores; QEMU %(qemu)s, %(accelerator)s; guest: 2 vCPUs, "
             "Linux %(kernel)s; %(rounds)d rounds" % results["machine"]]
    parts += [function(results[name]) for name, function in TABLES.items() if name in results]
    return "\n\n".join(parts + [aims_table(results)])
