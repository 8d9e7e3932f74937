# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's own programs."""

import os
import subprocess

from . import paths
from .scenario import Failure


def call(argv, deadline=120, **options):
    """A program's output; Failure when it fails."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=deadline, universal_newlines=True,
                          **options)
    if done.returncode:
        raise Failure("%s: status %d: %s" % (" ".join(argv), done.returncode,
                                             (done.stdout + done.stderr).strip()))
    return done.stdout


def ctl(*arguments):
    """memonlinectl as the host runs it, with --socket among the arguments."""
    return call([os.path.join(paths.programs(), "agent", "memonlinectl")] + list(arguments))
