# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest lab: what a scenario in tests/guest/NAME/test.py imports."""

from . import guest, installed
from .channel import Channel, Timeout
from .scenario import Failure, Skip, check, equal

__all__ = ["Channel", "Failure", "Guest", "Skip", "Timeout", "check", "equal"]


def Guest(lab, *arguments, **options):
    """lab/guest.py's, or that of tests/run --installed."""
    kind = installed.Guest if lab.installed else guest.Guest
    return kind(lab, *arguments, **options)
