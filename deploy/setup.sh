# Sourced by ./run and ./check: says what is happening, sees to what the build needs, and
# chooses where the build lands. It installs packages only where apt does, and says so first.

BUILD_PACKAGES=(build-essential cmake libclang-dev pkg-config libssl-dev libfontconfig-dev)
WINDOW_PACKAGES=(libfontconfig1 libfreetype6 libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon0
  libxkbcommon-x11-0 libxcb-xkb1 libgl1 libegl1 libgl1-mesa-dri fonts-noto-core)

# For the tests that open windows.
SCREEN_PACKAGES=(xvfb xdotool openbox imagemagick xclip dbus)

step() { printf '\n==> %s\n' "$*"; }

fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# A folder outside the clone by default, so that a second clone reuses the dependencies.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/sotto/target}"
BIN="$CARGO_TARGET_DIR/release"

install_packages() {
  [ -z "${SOTTO_SKIP_SETUP:-}" ] || return 0
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    printf 'This system has no apt. Install what these Debian packages hold, then set SOTTO_SKIP_SETUP=1:\n  %s\n' "$*"
    exit 1
  fi
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  step "installing with apt: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "needs root or sudo to install: ${missing[*]}"
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq || fail "apt-get update failed; is the network there?"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt could not install the packages named above"
}

need_toolchain() {
  command -v cargo >/dev/null || fail "no Rust toolchain found; install one from your distribution or by rustup"
}
