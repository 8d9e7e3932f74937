# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest lab: what a scenario in tests/guest/NAME/test.py imports."""

from .channel import Channel, Timeout
from .guest import Guest
from .scenario import Failure, Skip, check, equal

__all__ = ["Channel", "Failure", "Guest", "Skip", "Timeout", "check", "equal"]
