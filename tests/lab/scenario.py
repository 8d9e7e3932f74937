# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs one scenario: python3 -m lab scenario [--installed] NAME [SEED]

tests/guest/NAME/test.py holds a docstring that says what must hold, and run(lab). It may
set LIMIT (seconds), NEEDS (groups of lab/packages.py beside "guest") and FULL = True (only
in tests/run --full, or by name). One that draws from lab.seed() sets SEEDS, with how many
seeds --full runs it. INSTALLED = True has --full run it once more as tests/run --installed does;
a text says why it cannot be run so.
"""

import glob
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import traceback

from . import kernel, packages, paths
from .platform import X86

TAIL_LINES = 40
INSTALLED_OPTION = "--installed"


class Failure(Exception):
    """What must hold does not."""


class Skip(Exception):
    """The scenario cannot run here; the text says why."""


def check(holds, what):
    if not holds:
        raise Failure(what)


def equal(found, wanted, what):
    check(found == wanted, "%s: %r, not %r" % (what, found, wanted))


class Lab:
    """What a scenario is given: the kernel, its log folder, a folder for sockets.

    in_matrix  the kernel is one of several that the caller goes through
    auto_online  what the guests have in auto_online_blocks, "" for the kernel's own
    installed  guests are a distribution with the package, lab/installed.py
    platform   what they are made of, lab/platform.py
    """

    def __init__(self, name, directory=None, auto_online="offline", installed=False,
                 platform=None):
        self.name = name
        self.platform = platform or X86()
        self.kernel = kernel.Kernel(directory) if directory else self.platform.kernel()
        self.in_matrix = directory is not None
        self.auto_online = auto_online
        self.installed = installed
        # Short, since the path of a unix socket is.
        self._temp = tempfile.mkdtemp(prefix="memonline-")
        self._logs = os.path.join(paths.LOGS, name)
        shutil.rmtree(self._logs, ignore_errors=True)
        os.makedirs(self._logs)
        self.guests = []

    def temp_path(self, name=""):
        return os.path.join(self._temp, name)

    def log_path(self, name):
        return os.path.join(self._logs, name)

    def machines(self):
        """Those that a scenario tries one after the other."""
        found = self.platform.machines
        return found[:1] if self.installed or self.in_matrix else found

    def seed(self):
        return int(os.environ.get("MEMONLINE_SEED", "1"))

    def print_logs(self):
        for path in sorted(glob.glob(os.path.join(self._logs, "*"))):
            with open(path, errors="replace") as log:
                lines = log.read().splitlines()
            print("--- %s\n%s" % (path, "\n".join(lines[-TAIL_LINES:])))

    def _keep_linked_logs(self):
        """What another user had to write lies in the temporary folder."""
        for path in glob.glob(os.path.join(self._logs, "*")):
            if os.path.islink(path) and os.path.exists(path):
                target = os.path.realpath(path)
                os.unlink(path)
                shutil.copyfile(target, path)

    def close(self):
        self._keep_linked_logs()
        shutil.rmtree(self._temp, ignore_errors=True)


def load(name):
    path = os.path.join(paths.SCENARIOS, name, "test.py")
    spec = importlib.util.spec_from_file_location("scenario_" + name.replace("-", "_"), path)
    module = importlib.util.module_from_spec(spec)
    # For modules of its own, beside it.
    sys.path.insert(0, os.path.dirname(path))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


def names():
    return sorted(os.path.basename(os.path.dirname(path))
                  for path in glob.glob(os.path.join(paths.SCENARIOS, "*", "test.py")))


def one_line(error):
    text = " ".join(str(error).split())
    return text if isinstance(error, Failure) else "%s: %s" % (type(error).__name__, text)


def label_of(name, seed=None, installed=False):
    """What its result is called."""
    return ("installed/" if installed else "") + name + ("/seed-%s" % seed if seed else "")


def run(name, label=None, **options):
    """The exit status; prints the one line with the result last, under its label."""
    lab = None
    label = label or name
    try:
        lab = Lab(label, **options)
        load(name).run(lab)
    except (Skip, packages.Missing) as reason:
        print("skip %s %s" % (label, " ".join(str(reason).split())), flush=True)
        return 0
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        if lab:
            lab.print_logs()
        print("not ok %s %s" % (label, one_line(error)[:300]), flush=True)
        return 1
    finally:
        if lab:
            lab.close()
    print("ok " + label, flush=True)
    return 0


def main(argv):
    # So that `with` statements and `finally` get their turn.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    installed = argv[0] == INSTALLED_OPTION
    name, seed = (argv[installed:] + [None])[:2]
    if seed:
        os.environ["MEMONLINE_SEED"] = seed
    return run(name, label_of(name, seed, installed), installed=installed)
