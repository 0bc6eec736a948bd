#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Judge dumps by Slurm, an array with a task for each. All nodes have latriage, and see the dumps and the folder WORK
# under the same names.
#
#   mkdir WORK && latriage --list DIR... >WORK/list
#   sbatch --chdir=WORK --array=1-$(wc -l <WORK/list)%50 latriage-slurm.sh
#   latriage --import WORK/row.1 --import WORK/row.2 ...       # when all have ended; missing ones are listed again
#
#SBATCH --job-name=latriage
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=00:10:00
#SBATCH --output=log.%a
set -eu

dump=$(sed -n "${SLURM_ARRAY_TASK_ID}p" list)
# Under its name only when it is whole.
latriage --one "$dump" >"row.$SLURM_ARRAY_TASK_ID.new"
mv "row.$SLURM_ARRAY_TASK_ID.new" "row.$SLURM_ARRAY_TASK_ID"
