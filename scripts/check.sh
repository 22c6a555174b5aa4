#!/usr/bin/env bash
# Lint, format, types, and the C checks; prints what fails and exits 1.
set -uo pipefail
cd "$(dirname "$0")/.."
status=0
step() {
  local name="$1"
  shift
  if output="$("$@" 2>&1)"; then
    printf 'check: %-14s ok\n' "$name"
  else
    printf 'check: %-14s FAILED\n%s\n' "$name" "$output"
    status=1
  fi
}
mapfile -t c_files < <(git ls-files '*.c' '*.h')
step "ruff" .venv/bin/ruff check .
step "ruff format" .venv/bin/ruff format --check .
step "mypy" .venv/bin/mypy
if [ "${#c_files[@]}" -gt 0 ]; then
  step "clang-format" clang-format --dry-run -Werror "${c_files[@]}"
  # Suppressed: >> of a negative value is arithmetic in every compiler that we name (and proved by the byte-equality
  # suites); linker symbols are compared as pointers; a frame's payload is written before it is read, and some variables
  # by inline assembly.
  step "cppcheck" cppcheck --quiet --std=c99 --enable=warning,performance,portability --inline-suppr \
    --suppress=missingIncludeSystem --suppress=missingInclude --suppress=shiftNegativeLHS --suppress=shiftTooManyBitsSigned \
    --suppress=comparePointers --suppress=ctuuninitvar \
    --suppress=uninitvar:firmware_templates/baremetal/counter_riscv.c --error-exitcode=1 -Itinykit/kernels "${c_files[@]}"
fi
exit "$status"
