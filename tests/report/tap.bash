# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
#
# Checks that print TAP, for scripts to source. "$number" is that of the last one, for the plan at the end.

number=0
# check NAME EXPECTED-REGEX COMMAND…: the command succeeds and its output matches.
check() {
  local name=$1 expected=$2 output status=0
  shift 2
  number=$((number + 1))
  output=$("$@" 2>&1) || status=$?
  if [[ $status -eq 0 && $output =~ $expected ]]; then
    echo "ok $number - $name"
  else
    printf '# status %s, expected /%s/, output:\n' "$status" "$expected"
    printf '%s\n' "$output" | sed 's/^/# /'
    echo "not ok $number - $name"
  fi
}
# The same for a command that has to fail.
check_fails() {
  local name=$1 expected=$2
  shift 2
  inverted() { ! "$@"; }
  check "$name" "$expected" inverted "$@"
}
