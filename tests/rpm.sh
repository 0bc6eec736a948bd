#!/bin/sh
# Build the RPM, install it into an empty root, and use it from there.
# Needs:  the LoongArch64 machine of lab/run64.sh; build/sample.
# Result: "ok - ..." or "not ok - ..." lines; the package stays in build/rpm/RPMS. Without arguments the
#         core's tests are not run again; with --check they are, which under emulation takes minutes.
set -u
here=$(cd "$(dirname "$0")" && pwd)

"$here/lab/run64.sh" --case "$here/../build/sample" sh -uc '
	say() { # STATUS WHAT
		[ "$1" -eq 0 ] && echo "ok - rpm: $2" || { echo "not ok - rpm: $2"; failed=1; }
	}
	failed=0 root=$(mktemp -d)
	rm -rf build/rpm
	[ "${1-}" = --check ] && flags= || flags=--nocheck
	make --no-print-directory rpm RPMBUILD_FLAGS=$flags >build/rpm.log 2>&1
	status=$?
	[ $status -eq 0 ] || tail -n 20 build/rpm.log
	say $status "rpmbuild makes a package"
	package=$(ls build/rpm/RPMS/*/*.rpm | grep -v debug)
	rpm -qp --requires "$package" | grep -q libjansson
	say $? "it requires the libraries it uses"
	version=$(crash --version | grep -o "^crash [0-9][0-9.]*" | cut -d" " -f2)
	[ -n "$version" ] && rpm -qp --requires "$package" | grep -qx "crash = $version"
	say $? "it requires the crash that it was built for"
	! rpm -qp --requires "$package" | grep -q libdeflate
	say $? "it does not require libdeflate, which openEuler 24.03 lacks"
	! grep -E "^[^ :]+:[0-9]+:([0-9]+:)? warning:" build/rpm.log
	say $? "the compiler warns of nothing"
	release() { rpmspec -q --qf "%{release}\n" "$@" crash-ext.spec; }
	[ "$(release --define "dist .fc99" | head -n 1)" = 1.fc99 ]
	say $? "its release has the distribution"
	[ "$(release --define "_vendor openEuler" --define "dist .oe2403" | head -n 1)" = 1 ]
	say $? "but on openEuler, whose rpm adds it"
	rpm --root "$root" --nodeps --noscripts -i "$PWD/$package"
	say $? "it installs into an empty root"
	for file in usr/bin/lacrash usr/bin/lavirsh-dump usr/bin/ladump usr/bin/laconvert usr/bin/latriage usr/share/lakvm/latriage/pages.py usr/share/bash-completion/completions/ladump usr/lib64/crash/extensions/lakvm.so usr/share/man/man1/lacrash.1.gz \
		usr/share/man/man7/lakvm.7.gz; do
		[ -f "$root/$file" ]
		say $? "it holds /$file"
	done
	export TERM=dumb
	printf "lapanic -j\nq\n" | "$root/usr/bin/lacrash" -s "$CASE/vmlinux" "$CASE/dump.kdump" 2>/dev/null |
		grep -c "^{\"schema\":\"lakvm.panic/1\".*}\$" | grep -qx 1
	say $? "lacrash from there prints the JSON of lapanic -j, one line"
	rm -rf "$root"
	exit $failed' sh "$@"
