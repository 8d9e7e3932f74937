# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the lab finds and puts things."""

import os

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOP = os.path.dirname(TESTS)
LAB = os.path.join(TESTS, "lab")
SCENARIOS = os.path.join(TESTS, "guest")
PROCESS = os.path.join(TESTS, "process")

BUILD = os.path.join(TOP, ".build")
SOURCE = os.path.join(BUILD, "src")
NORMAL = os.path.join(BUILD, "normal")
SANITIZERS = os.path.join(BUILD, "sanitizers")
LOGS = os.path.join(BUILD, "logs")


def programs():
    """The build directory whose programs are under test."""
    return os.environ.get("MEMONLINE_BUILD", NORMAL)


def cache():
    """Downloads outlive a clean checkout."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("MEMONLINE_CACHE") or os.path.join(home, "memonline")
