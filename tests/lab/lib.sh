# What the lab's scripts share; sourced, not run.
# Needs:  to be root on a Debian machine with a network, for everything that is not in the cache yet.
# Result: the functions below, and $here (tests/lab), $tree (the source tree), $cache.
# LAKVM_CACHE moves the cache, LAKVM_MIRROR names a Debian mirror, LAKVM_SUITE another suite.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
while [ ! -f "$here/lib.sh" ] && [ "$here" != / ]; do
	here=$(dirname "$here")
	[ -f "$here/tests/lab/lib.sh" ] && here=$here/tests/lab
done
tree=$(cd "$here/../.." && pwd)
cache=${LAKVM_CACHE:-$HOME/.cache/lakvm}
suite=${LAKVM_SUITE:-forky}	# the oldest Debian suite that has loong64

say() { echo "lab: $*" >&2; }
die() {
	say "$*"
	exit 1
}

native() { [ "$(uname -m)" = loongarch64 ]; }

need_root() { [ "$(id -u)" = 0 ] || die "this must run as root"; }

# what making a Debian system for another architecture takes
machine_tools='mmdebstrap arch-test uidmap binutils xz-utils'

# changes WHAT...: say what is about to be changed on this machine, or stop where NO_INSTALL forbids it
changes() {
	[ -z "${NO_INSTALL:-}" ] || die "not done, as NO_INSTALL is set: $*"
	say "$*"
}

install_packages() {
	changes "installing $*"
	need_root
	if command -v apt-get >/dev/null; then
		apt-get -qq update >&2 || true
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >&2
	else
		dnf -q -y install "$@" >&2
	fi
}

# install what the host lacks: COMMAND=PACKAGE...
need_tools() {
	missing=
	for pair; do
		command -v "${pair%%=*}" >/dev/null || missing="$missing ${pair#*=}"
	done
	# shellcheck disable=SC2086
	[ -z "$missing" ] || install_packages $missing
}

# the same, asked of dpkg: PACKAGE...
need_packages() {
	missing=$(for name; do
		dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null | grep -q '^ii' || echo "$name"
	done)
	# shellcheck disable=SC2086
	[ -z "$missing" ] || install_packages $missing
}

# the Debian mirror this machine is configured for
mirror() {
	found=${LAKVM_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' |
		grep -v security | sort -u | head -n 1)}
	[ -n "$found" ] || die "no Debian mirror in apt's configuration: set LAKVM_MIRROR"
	echo "$found"
}

# fetch_orig PACKAGE DIR [APT-OPTIONS...]: upstream's archive of a source package, into the directory, and those of
# its $components ("-gdb"); for shells inside a chroot too. Mirrors need not have more than that of it.
# shellcheck disable=SC2016
fetch_orig='
fetch_orig() {
	package=$1 dir=$2
	shift 2
	apt-get "$@" source --print-uris --only-source "$package" |
		sed -n "s/^.\(http[^ ]*\.orig\(${components:-}\)\{0,1\}\.tar\.[a-z0-9]*\). \([^ ]*\) [0-9]* \([^ ]*\)$/\1 \3 \4/p" |
		while read -r uri file sum; do
			/usr/lib/apt/apt-helper "$@" download-file "$uri" "$dir/$file" "$sum" || exit 1
		done
}'

# build COMMAND... NAME: unless $cache/NAME is there, run "COMMAND... NEW" on a fresh directory and move
# it in place at the end, so that a broken run leaves nothing behind
build() {
	for made; do :; done
	[ -e "$cache/$made" ] && return
	mkdir -p "$cache"
	new=$cache/.new-$made-$$
	trap 'rm -rf "$new"' EXIT
	trap 'exit 1' INT TERM
	mkdir "$new"
	say "making $made"
	began=$(date +%s)
	step=$1
	"$step" "$new"
	mv "$new" "$cache/$made"
	trap - EXIT INT TERM
	say "$made made in $(($(date +%s) - began)) s"
}

# forget_if_stale CHROOT PACKAGES: one that was made of other packages is made again
forget_if_stale() {
	[ ! -d "$cache/$1" ] || [ "$(cat "$cache/$1/etc/lakvm-packages" 2>/dev/null)" = "$2" ] ||
		rm -rf --one-file-system "${cache:?}/$1"
}

# within ROOT COMMAND...: run it in a chroot with the source tree at /src, the cache at /cache and, when
# $LAKVM_CASE names a directory, that at /case; the mounts are private and vanish with the command
within() {
	root=$1
	shift
	mkdir -p "$root/src" "$root/cache" "$root/case" "$cache"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
	SRC=$tree CACHE=$(cd "$cache" && pwd) CASE=${LAKVM_CASE:-} ROOT=$root unshare -m sh -euc '
		mount --make-rprivate /
		mount --bind "$SRC" "$ROOT/src"
		mount --rbind "$CACHE" "$ROOT/cache"
		[ -z "$CASE" ] || mount --bind "$CASE" "$ROOT/case"
		mount --rbind /dev "$ROOT/dev"
		mount -t proc proc "$ROOT/proc"
		mount -t sysfs sysfs "$ROOT/sys"
		mount -t tmpfs tmpfs "$ROOT/tmp"
		cd /
		unset LAKVM_CACHE SRC CACHE CASE
		exec chroot "$ROOT" env -u ROOT HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' within "$@"
}
