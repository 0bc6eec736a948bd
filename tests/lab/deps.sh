#!/bin/sh
# Install what building and testing on this machine needs, if it is not there, and say so first.
# Needs:  root where something is missing; Debian's apt or openEuler's dnf. With NO_INSTALL=1 nothing is
#         installed: what is missing is named, and the exit status is 1.
# Result: nothing on standard output; --list: all packages, one a line, and nothing else happens.
#         The LoongArch64 machine is made when it is first used (loong64.sh).
. "$(dirname "$0")/lib.sh"

debian='gcc make python3 python3-jsonschema xz-utils binutils libcmocka-dev libdw-dev libelf-dev libjansson-dev zlib1g-dev
	liblzo2-dev libsnappy-dev libzstd-dev libdeflate-dev cppcheck'
openeuler='gcc make python3 python3-jsonschema xz binutils libcmocka-devel elfutils-devel elfutils-libelf-devel jansson-devel
	zlib-devel lzo-devel snappy-devel libzstd-devel crash crash-devel rpm-build procps-ng'

# What this machine needs, one a line.
needed() {
	if command -v dpkg-query >/dev/null; then
		if native; then
			# crash itself, and its header (see loong64.sh)
			debian="$debian crash rpm procps"
		else
			debian="$debian $machine_tools"
		fi
		# the version that the tree is formatted with; other releases have others
		! grep -q '^VERSION_CODENAME=bookworm$' /etc/os-release || debian="$debian clang-format-14"
		printf '%s\n' $debian | sort -u
	elif command -v dnf >/dev/null; then
		printf '%s\n' $openeuler | sort -u
	else
		die "neither apt nor dnf here: see README.md for what has to be installed"
	fi
}

installed() {
	if command -v dpkg-query >/dev/null; then
		dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'
	else
		rpm -q --quiet "$1"
	fi
}

if [ "${1:-}" = --list ]; then
	needed
	exit
fi
missing=$(for name in $(needed); do installed "$name" || echo "$name"; done)
# shellcheck disable=SC2086
[ -z "$missing" ] || install_packages $missing
