#!/usr/bin/env bash
# Installs what tinykit needs on Debian or Ubuntu: apt packages that are missing (with sudo unless root) and a virtual
# environment in .venv with the package and the extras named in $1 (default: train). Does nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."
extras="${1:-train}"
venv=.venv
say() { printf 'tinykit setup: %s\n' "$*"; }

need=()
want() { command -v "$1" >/dev/null 2>&1 || need+=("${@:2}"); }
want arm-none-eabi-gcc gcc-arm-none-eabi
want qemu-system-arm qemu-system-arm
want cc gcc libc6-dev
case " ${extras//,/ } " in *" dev "*)
  want clang-format clang-format
  want cppcheck cppcheck
  want g++ g++
  want cmake cmake
  want gdb-multiarch gdb-multiarch
  want avrdude avrdude
  want stm32flash stm32flash
  [ -e /usr/share/arduino/hardware/arduino/avr/bootloaders/optiboot ] || need+=(arduino-core-avr)
  want riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf
  want qemu-system-riscv32 qemu-system-misc
  want avr-gcc gcc-avr avr-libc
  want node nodejs
  want npm npm
  [ -e /usr/include/simavr/sim_avr.h ] || need+=(libsimavr-dev libelf-dev) ;;
esac
libc="$(arm-none-eabi-gcc -print-file-name=nano.specs 2>/dev/null || true)"
[ -e "$libc" ] || need+=(libnewlib-arm-none-eabi)

# TensorFlow 2.19 has wheels for Python 3.10 to 3.12, so those come first.
find_python() {
  local candidate
  for candidate in python3.12 python3.11 python3.10 python3 python3.13; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then
      printf '%s' "$candidate"
      return
    fi
  done
}
python="$(find_python)"
if [ -z "$python" ]; then
  need+=(python3 python3-venv)
elif ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
  need+=(python3-venv)
fi

if [ "${#need[@]}" -gt 0 ]; then
  say "installing apt packages: ${need[*]}"
  if ! command -v apt-get >/dev/null 2>&1; then
    say "no apt-get here; install these by hand and run the command again: ${need[*]}" >&2
    exit 3
  fi
  sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { say "run this once as root: apt-get install ${need[*]}" >&2; exit 3; }
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
  python="$(find_python)"
fi

# The stamp holds what the environment was made from; a change there brings it up to date.
stamp="$venv/.tinykit-$(printf '%s' "$extras" | tr ',' '-')"
recipe="$(cksum pyproject.toml | cut -d' ' -f1) $extras"
if [ ! -e "$stamp" ] || [ "$(cat "$stamp")" != "$recipe" ]; then
  [ -x "$venv/bin/python" ] || { say "creating $venv with $python"; "$python" -m venv "$venv"; }
  say "installing tinykit[$extras] into $venv (TensorFlow is large: a few minutes)"
  "$venv/bin/python" -m pip install -qq --disable-pip-version-check -e ".[$extras]" ||
    { say "pip could not install tinykit; see the lines above" >&2; exit 3; }
  printf '%s' "$recipe" >"$stamp"
fi
