#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Judge dumps on many machines by GNU parallel, which logs in by ssh. All machines have latriage, and see the dumps under
# the same names.
#
# Usage:  latriage-parallel.sh LOGINS DIR...
#         LOGINS: a file with a line "[JOBS/]USER@HOST" for each machine (man parallel, --sshloginfile)
#
# A machine that cannot be reached, or dies, loses nothing: parallel gives its dumps to others (--retries), and what nobody
# judged is listed again by the next run. Rows say which machine judged them.
set -eu

logins=$1
shift
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT

# Status 1: something cannot be read or still grows. The rest is judged all the same.
latriage --list -0 "$@" |
	parallel --null --sshloginfile "$logins" --retries 3 --timeout 600 latriage --one {} >"$rows" || :
latriage --import "$rows"
