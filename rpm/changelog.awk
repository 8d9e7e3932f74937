# SPDX-License-Identifier: GPL-2.0-or-later
# deb/changelog as the %changelog of the spec. make dist puts it there.
/^[^ ]/ {
	version = $2
	gsub(/[()]/, "", version)
	lines = ""
	next
}
/^ -- / {
	# -- NAME <MAIL>  DAY, DD MON YYYY HH:MM:SS ZONE
	who = $0
	sub(/^ -- /, "", who)
	when = who
	sub(/  .*/, "", who)
	sub(/.*  /, "", when)
	split(when, part, /[, ]+/)
	printf "%s* %s %s %s %s %s - %s\n%s", between, part[1], part[3], part[2], part[4], who,
		version, lines
	between = "\n"
	next
}
/^ / {
	gsub(/%/, "%%")
	sub(/^  [*] /, "- ")
	sub(/^    /, "  ")
	lines = lines $0 "\n"
}
