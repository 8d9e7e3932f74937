# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark: the agent beside its peers, measured in guests."""
