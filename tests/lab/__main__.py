# SPDX-License-Identifier: GPL-2.0-or-later
"""python3 -m lab PART ARGUMENT...: the lab's programs, each a module with a main()."""

import importlib
import sys

PARTS = ("demo", "jobs", "mutants", "probing", "record", "runner", "scenario", "supervise", "tree", "unattended")


def main(argv):
    if not argv or argv[0] not in PARTS:
        sys.exit("usage: python3 -m lab %s ARGUMENT..." % "|".join(PARTS))
    return importlib.import_module("lab." + argv[0]).main(argv[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
