#!/bin/sh
# Install what building and testing on this machine needs, if it is not there.
# Needs:  root where something is missing; Debian's apt or openEuler's dnf.
# Result: nothing on standard output. The LoongArch64 machine is made when it is first used (loong64.sh).
. "$(dirname "$0")/lib.sh"

debian='gcc make python3 xz-utils libcmocka-dev libdw-dev libelf-dev libjansson-dev zlib1g-dev liblzo2-dev
	libsnappy-dev libzstd-dev libdeflate-dev'
openeuler='gcc make python3 xz libcmocka-devel elfutils-devel elfutils-libelf-devel jansson-devel zlib-devel
	lzo-devel snappy-devel libzstd-devel libdeflate-devel crash crash-devel rpm-build procps-ng'

if command -v dpkg-query >/dev/null; then
	# natively, crash itself is needed on this machine, and its header (see loong64.sh)
	native && debian="$debian crash rpm procps"
	# shellcheck disable=SC2086
	missing=$(for name in $debian; do
		dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^ii' || echo "$name"
	done)
	[ -z "$missing" ] && exit
	need_root
	say "installing" $missing
	apt-get -qq update >&2 || true
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >&2
elif command -v dnf >/dev/null; then
	# shellcheck disable=SC2086
	missing=$(for name in $openeuler; do rpm -q --quiet "$name" || echo "$name"; done)
	[ -z "$missing" ] && exit
	need_root
	say "installing" $missing
	# shellcheck disable=SC2086
	dnf -q -y install $missing >&2
else
	say "neither apt nor dnf here: see README.md for what has to be installed"
fi
