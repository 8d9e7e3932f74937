# SPDX-License-Identifier: GPL-2.0-or-later
"""A writer for the cpio "newc" archives that the kernel unpacks as its first root."""

import os
import stat

ALIGN = 4


def padded(data):
    return data + b"\0" * (-len(data) % ALIGN)


class Archive:
    def __init__(self):
        self._parts = []
        self._paths = set()

    def _entry(self, path, mode, data=b""):
        name = path.lstrip("/").encode() + b"\0"
        fields = (len(self._parts) + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self._parts.append(padded(header + name) + padded(data))
        self._paths.add(path)

    def __contains__(self, path):
        return path in self._paths

    def directory(self, path):
        if path in ("", "/") or path in self:
            return
        self.directory(os.path.dirname(path))
        self._entry(path, stat.S_IFDIR | 0o755)

    def file(self, path, data, mode=0o644):
        self.directory(os.path.dirname(path))
        self._entry(path, stat.S_IFREG | mode, data)

    def link(self, path, target):
        self.directory(os.path.dirname(path))
        self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def data(self):
        self._entry("TRAILER!!!", 0)
        return b"".join(self._parts)
