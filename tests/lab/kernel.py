# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's kernel: found in an unpacked package, or downloaded as one."""

import glob
import gzip
import lzma
import os
import re
import shutil
import struct
import subprocess
import tempfile

from . import packages, paths

# The packages that stand for "the newest": Debian's, Ubuntu's.
APT_NAMES = ("linux-image-cloud-amd64", "linux-image-virtual")
DNF_NAMES = ("kernel-core", "kernel-modules-core", "kernel-modules")
IMAGES = ("boot/vmlinuz-*", "lib/modules/*/vmlinuz", "usr/lib/modules/*/vmlinuz",
          "vmlinuz*", "bzImage", "arch/x86/boot/bzImage")


def version_key(name):
    return [int(number) for number in re.findall(r"\d+", name)]


def release(image):
    """What uname -r says there; x86's boot protocol points at the text, packages name the file so."""
    if os.path.basename(image).startswith("vmlinuz-"):
        return os.path.basename(image)[len("vmlinuz-"):]
    with open(image, "rb") as source:
        start = source.read(0x10000)
    text = 0x200 + struct.unpack_from("<H", start, 0x20e)[0]
    return start[text:].split(b"\0")[0].split(b" ")[0].decode("latin-1")


class Kernel:
    """An image and the folder below which its modules lie, of a package or of a build."""

    def __init__(self, directory):
        found = [name for pattern in IMAGES
                 for name in glob.glob(os.path.join(directory, pattern))]
        if not found:
            raise packages.Missing("no kernel image in " + directory)
        self.image = max(found, key=lambda name: version_key(os.path.relpath(name, directory)))
        folders = (glob.glob(os.path.join(directory, "lib/modules/*/kernel")) +
                   glob.glob(os.path.join(directory, "usr/lib/modules/*/kernel")))
        self.folder = max(folders, key=version_key) if folders else directory
        self.files = self._module_files()
        self.release = release(self.image)

    def beside(self, name):
        """The path of a file such as modules.builtin."""
        return os.path.join(os.path.dirname(self.folder), name)

    def config(self):
        found = glob.glob(os.path.join(os.path.dirname(self.image), "config-*"))
        if not found:
            raise packages.Missing("no configuration beside " + self.image)
        return found[0]

    def _module_files(self):
        files = {}
        for root, _, names in os.walk(self.folder):
            for name in names:
                match = re.match(r"(.+)\.ko(\.gz|\.xz|\.zst)?$", name)
                if match:
                    files[match.group(1).replace("-", "_")] = os.path.join(root, name)
        return files

    def modules(self, wanted):
        """[(name, contents)] in loading order; what is built in is left out."""
        order, seen = [], set()

        def add(name):
            if name in seen or name not in self.files:
                return
            seen.add(name)
            data = read_module(self.files[name])
            for other in dependencies(data):
                add(other)
            order.append((name, data))

        for name in wanted:
            add(name)
        return order


def read_module(path):
    if path.endswith(".zst"):
        return subprocess.check_output(["zstd", "-dc", path])
    openers = {".gz": gzip.open, ".xz": lzma.open}
    with openers.get(os.path.splitext(path)[1], open)(path, "rb") as module:
        return module.read()


def dependencies(module):
    """From its .modinfo: a package that was only unpacked has no modules.dep."""
    match = re.search(rb"\0depends=([^\0]*)\0", module)
    names = match.group(1).decode().split(",") if match else []
    return [name.replace("-", "_") for name in names if name]


def output_of(argv, directory=None, env=None):
    done = subprocess.run(argv, cwd=directory, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          universal_newlines=True)
    return done.stdout if done.returncode == 0 else ""


def apt_concrete(name, env=None):
    """The packages of one kernel version that a package such as APT_NAMES depends on.

    The environment of this and the next ones may name another apt configuration.
    """
    found, left = [], [name]
    while left:
        for line in output_of(["apt-cache", "depends", left.pop()], env=env).splitlines():
            match = re.match(r"\s*Depends: (linux-(?:image|binary|modules)-\d\S*)$", line)
            if match and match.group(1) not in found:
                found.append(match.group(1))
                left.append(match.group(1))
    return found


def apt_packages():
    for attempt in range(2):
        for name in APT_NAMES:
            found = apt_concrete(name)
            if found:
                return found
        if attempt == 0:
            packages.update()
    return []


def apt_version(name, env=None):
    match = re.search(r"^Version: (\S+)$", output_of(
        ["apt-cache", "show", "--no-all-versions", name], env=env), re.M)
    return match.group(1).replace(":", "_") if match else "unknown"


def unpack_debs(names, directory, env=None):
    subprocess.check_call(["apt-get", "download", "-qq"] + names, cwd=directory, env=env,
                          stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for package in glob.glob(os.path.join(directory, "*.deb")):
        subprocess.check_call(["dpkg", "-x", package, directory])
        os.unlink(package)


def unpack_rpms(names, directory):
    subprocess.check_call(["dnf", "download", "-q", "--arch", "x86_64"] + list(names),
                          cwd=directory, stdin=subprocess.DEVNULL)
    for package in glob.glob(os.path.join(directory, "*.rpm")):
        subprocess.check_call(["sh", "-c", 'rpm2cpio "$1" | cpio -idm --quiet', "sh", package],
                              cwd=directory)
        os.unlink(package)


def fetch(key, unpack, names, say, folder="kernels"):
    store = os.path.join(paths.cache(), folder)
    directory = os.path.join(store, key)
    if os.path.isdir(directory):
        return directory
    say("downloading " + " ".join(names))
    os.makedirs(store, exist_ok=True)
    # Renamed when complete: a download that was cut short is never taken for a kernel.
    partial = tempfile.mkdtemp(prefix=".partial-", dir=store)
    try:
        unpack(names, partial)
        os.chmod(partial, 0o755)
        os.rename(partial, directory)
    except (OSError, subprocess.CalledProcessError) as error:
        if not os.path.isdir(directory):
            raise packages.Missing("cannot download %s: %s" % (" ".join(names), error))
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return directory


def package(names, say=print):
    """The directory of some unpacked packages, of which the first names the version."""
    if not packages.has_apt():
        raise packages.Missing("this is only done with Debian's packages")
    return fetch("%s_%s" % (names[0], apt_version(names[0])), unpack_debs, list(names), say,
                 "packages")


def newest_cached(folder="kernels"):
    found = glob.glob(os.path.join(paths.cache(), folder, "[!.]*"))
    if not found:
        raise packages.Missing("no kernel package is to be had from this machine's sources")
    return max(found, key=version_key)


def download(say=print):
    """The directory of an unpacked kernel package, from the cache if it is there."""
    if packages.has_apt():
        names = apt_packages()
        if not names:
            return newest_cached()
        return fetch("%s_%s" % (names[0], apt_version(names[0])), unpack_debs, names, say)
    version = output_of(["dnf", "repoquery", "-q", "--latest-limit=1", "--qf",
                         "%{version}-%{release}", DNF_NAMES[0]]).strip()
    if not version:
        return newest_cached()
    return fetch("kernel-" + version, unpack_rpms, DNF_NAMES, say)


def chosen(say=print):
    """--kernel DIR came as MEMONLINE_KERNEL."""
    return Kernel(os.environ.get("MEMONLINE_KERNEL") or download(say))
