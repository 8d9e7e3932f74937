# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by tests/run and tests/demo, which set $tests.

as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# All else is installed by lab/packages.py, which needs an interpreter first.
need_python() {
	if command -v python3 >/dev/null; then return; fi
	echo "installing python3" >&2
	if command -v apt-get >/dev/null; then
		as_root apt-get update -qq
		as_root env DEBIAN_FRONTEND=noninteractive \
			apt-get install -qq -y --no-install-recommends python3 >/dev/null
	else
		as_root dnf install -q -y python3
	fi
}

# start PART ARGUMENT..., a part of lab/__main__.py
start() {
	need_python
	# shellcheck disable=SC2154
	export PYTHONPATH=$tests PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
	exec python3 -m lab "$@"
}
