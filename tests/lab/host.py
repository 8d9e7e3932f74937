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


def ctl_program():
    return os.path.join(paths.programs(), "agent", "memonlinectl")


def ctl(*arguments):
    """memonlinectl as the host runs it, with --socket among the arguments."""
    return call([ctl_program()] + list(arguments))


def ctl_status(*arguments, code, text=None, deadline=120, **options):
    """The same, ending with this exit code; what it printed, errors too. `text` is its input."""
    source = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
    done = subprocess.run([ctl_program()] + list(arguments), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=deadline, universal_newlines=True,
                          **source, **options)
    if done.returncode != code:
        raise Failure("memonlinectl %s: status %d, not %d: %s" % (
            " ".join(arguments), done.returncode, code, done.stdout.strip()))
    return done.stdout
