#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What scripts/lib.sh promises of a step: its output is shown where it failed, and no file of it stays
# behind, however it ends.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

expect_no_files() {
    local left
    left=$(ls -A "$TMPDIR")
    [[ -z $left ]] || die "$1 left behind: $left"
}

r=0
said=$(step "a step that fails" sh -c 'echo out; echo err >&2; exit 3' 2>&1) || r=$?
((r == 3)) || die "a step that fails with 3 gives $r"
[[ $said == *"| out"*"| err"* ]] || die "a step that fails says only: $said"
expect_no_files "a step that fails"

said=$(step "a step that works" echo out 2>&1)
[[ $said != *"| out"* ]] || die "a step that works shows its output: $said"
expect_no_files "a step that works"

r=0
bash -c '. "$1"; step "a step that is cut short" sh -c "kill \$PPID"' - "$top/scripts/lib.sh" 2>/dev/null ||
    r=$?
((r == 143)) || die "a script that is ended gives $r"
expect_no_files "a step that is cut short"
