# shellcheck shell=sh disable=SC2034,SC2154 # sourced after commands.sh, by scripts that use what is set here
# What preinstall, postinstall and uninstall share. Written for the sh of macOS
# and for dash.
#
# The installer runs as root, and other accounts of the Mac may be hostile. A
# path is therefore used only once every folder on the way to it is known to be
# root's and writable by nobody else: then no one can put a link in its place
# between a look and the use.

set -euf
umask 022

label=dev.portreeve.agent
binary=/usr/local/bin/portreeve
libexec=/usr/local/libexec/portreeve
doc=/usr/local/share/doc/portreeve
daemon=/Library/LaunchDaemons/$label.plist
logs=/Library/Logs/Portreeve
data=/private/var/db/portreeve
public=/Library/Application\ Support/$label
config=/private/etc/portreeve
# What is put aside while a version is being installed.
aside=/private/var/db/$label.install

log_open=no

say() {
  printf '%s\n' "$*"
  [ "$log_open" = no ] || printf '%s %s[%s]: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$script" "$$" "$*" >&3
}

die() {
  say "error: $*" >&2
  exit 1
}

# look PATH: sets bits, links and owner, and more where others are let in by an
# access control list. Fails where there is nothing.
look() {
  # shellcheck disable=SC2086 # one option or none
  facts=$(ls -ldn $ls_acl -- "$1" 2>/dev/null) || return 1
  case $facts in *" allow "*) more=yes ;; *) more=no ;; esac
  # shellcheck disable=SC2086 # split into words on purpose; nothing is globbed
  set -- $facts
  bits=$1 links=$2 owner=$3
}

is_ours() { [ "$owner" = 0 ] || [ "$owner" = "$trusted_uid" ]; }

# distrusted PATH: sets why root cannot rely on the folder or file that was
# looked at, or fails.
distrusted() {
  if ! is_ours; then
    why="\`$1\` belongs to uid $owner, who could replace what runs as root: sudo chown root:wheel '$1'"
    return 0
  fi
  case $bits in
  ?????-??-?*) ;;
  *)
    why="\`$1\` can be written by others than root, who could replace what runs as root: sudo chmod go-w '$1'"
    return 0
    ;;
  esac
  why="the access control list of \`$1\` lets others than root in: sudo chmod -N '$1'"
  [ "$more" = yes ]
}

# need_way PATH: every folder on the way to PATH, as far as there are any, is
# root's alone. PATH itself is not looked at. What was found to be root's alone
# stays so: nobody else can change it.
sure='|'
need_way() {
  way=$volume
  rest=${1#/}
  while :; do
    case $sure in
    *"|$way|"*) ;;
    *)
      look "${way:-/}" || return 0
      case $bits in
      d*) ;;
      l*) die "\`$way\` is a symbolic link: put a folder in its place" ;;
      *) die "\`${way:-/}\` is not a folder" ;;
      esac
      ! distrusted "${way:-/}" || die "$why"
      sure="$sure$way|"
      ;;
    esac
    case $rest in */*) ;; *) return 0 ;; esac
    way=$way/${rest%%/*}
    rest=${rest#*/}
  done
}

# need_file PATH: a file of root's, under one name, or nothing (which fails).
need_file() {
  need_way "$1"
  look "$volume$1" || return 1
  case $bits in
  -*) ;;
  l*) die "\`$volume$1\` is a symbolic link: remove it" ;;
  *) die "\`$volume$1\` is not a regular file: remove it" ;;
  esac
  ! distrusted "$volume$1" || die "$why"
  [ "$links" = 1 ] || die "\`$volume$1\` has $links names (hard links): remove it"
}

# need_folder PATH MODE: makes it where it is missing, one folder at a time.
need_folder() {
  need_way "$1/."
  if ! look "$volume$1"; then
    case ${1%/*} in '') ;; *) need_folder "${1%/*}" 755 ;; esac
    mkdir -m "$2" -- "$volume$1"
    need_way "$1/."
  fi
}

# remove_tree PATH: a folder of root's with all that is in it, if there is one.
remove_tree() {
  need_way "$1"
  look "$volume$1" || return 0
  case $bits in
  d*) ;;
  *) die "\`$volume$1\` is not a folder: remove it" ;;
  esac
  ! distrusted "$volume$1" || die "$why"
  rm -rf -- "$volume$1"
}

# remove_shared PATH: the same in a folder that admins may write: what takes its
# place meanwhile is removed, not followed.
remove_shared() {
  need_way "${1%/*}"
  look "$volume${1%/*}" || return 0
  case $bits in d*) ;; *) die "\`$volume${1%/*}\` is not a folder" ;; esac
  rm -rf -- "$volume$1"
}

# forget_aside: what is put aside counts no more. The mark goes first, so that
# what is left of a removal that was broken off is never gone back to.
forget_aside() {
  need_way "$aside/."
  rm -f -- "$volume$aside/complete"
  remove_tree "$aside"
}

# open_log: from here on everything is also written there.
open_log() {
  # Admins may write /Library/Logs on some releases of macOS. What counts is
  # that the folder in it is root's, and that it is this one that is written.
  need_way "${logs%/*}"
  [ -d "$volume${logs%/*}" ] || need_folder "${logs%/*}" 755
  look "$volume$logs" || mkdir -m 755 -- "$volume$logs"
  cd -P -- "$volume$logs"
  [ "$(pwd -P)" = "$volume$logs" ] || die "\`$volume$logs\` is a symbolic link: remove it"
  look . || die "\`$volume$logs\` cannot be looked at"
  ! distrusted "$volume$logs" || die "$why"
  if look install.log; then
    case $bits in -*) ;; *) die "\`$volume$logs/install.log\` is not a regular file: remove it" ;; esac
    ! distrusted "$volume$logs/install.log" || die "$why"
    [ "$links" = 1 ] || die "\`$volume$logs/install.log\` has $links names (hard links): remove it"
  fi
  exec 3>>install.log
  chmod 600 install.log
  log_open=yes
  cd /
}

# begin NAME VOLUME: the first thing that each script does.
begin() {
  script=$1
  case $2 in /*) volume=${2%/} ;; *) die "\`$2\` is no volume: its path does not start with a slash" ;; esac
  [ "$(id -u)" = "$trusted_uid" ] || die "only root can do this: sudo $0"
  # Links on the way to the volume are followed once, here.
  [ -z "$volume" ] || volume=$(cd -P -- "$volume" && pwd -P)
  open_log
}

is_running_system() { [ "$volume" = "$running_volume" ]; }

# is_later A B: whether version A is later than B. Numbers between dots; what
# follows a `-` or `+` does not count.
is_later() {
  later=${1%%[-+]*}
  than=${2%%[-+]*}
  while [ -n "$later$than" ]; do
    one=${later%%.*}
    other=${than%%.*}
    case $later in *.*) later=${later#*.} ;; *) later= ;; esac
    case $than in *.*) than=${than#*.} ;; *) than= ;; esac
    case $one in '' | *[!0-9]* | ????????*) one=0 ;; esac
    case $other in '' | *[!0-9]* | ????????*) other=0 ;; esac
    [ "$one" -le "$other" ] || return 0
    [ "$one" -ge "$other" ] || return 1
  done
  return 1
}

# installed_version: of what is there; nothing where nothing is. A receipt
# outlives files that were removed by hand.
installed_version() {
  [ -e "$volume$binary" ] || return 0
  receipt=$(pkgutil --volume "${volume:-/}" --pkg-info "$label" 2>/dev/null | sed -n 's/^version: //p') || receipt=
  if [ -z "$receipt" ] && need_file "$libexec/version"; then
    IFS= read -r receipt <"$volume$libexec/version" || true
  fi
  printf '%s\n' "$receipt"
}

# until_so SECONDS COMMAND…: whether COMMAND succeeds within that time.
until_so() {
  tries=$(($1 * 5))
  shift
  until "$@"; do
    [ "$tries" -gt 0 ] || return 1
    tries=$((tries - 1))
    sleep "$pause"
  done
}

# within SECONDS COMMAND…: runs it with its output in the log; 124 where it had
# to be stopped.
within() {
  seconds=$1
  shift
  "$@" </dev/null >&3 2>&3 &
  child=$!
  if ! until_so "$seconds" is_gone "$child"; then
    kill -TERM "$child" 2>/dev/null || true
    until_so 2 is_gone "$child" || kill -KILL "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
    return 124
  fi
  wait "$child"
}
is_gone() { ! kill -0 "$1" 2>/dev/null; }

is_loaded() { launchctl print "system/$label" >/dev/null 2>&1; }
is_unloaded() { ! is_loaded; }
is_up() { launchctl print "system/$label" 2>/dev/null | grep -q '^	state = running$'; }

# Whether an administrator switched the daemon off.
is_disabled() {
  launchctl print-disabled system 2>/dev/null | grep -Eq "\"$label\" => (disabled|true)\$"
}

stop_daemon() {
  is_loaded || return 0
  say "stopping $label"
  launchctl bootout "system/$label" >&3 2>&3 || true
  until_so 30 is_unloaded || die "launchd still has $label 30 s after \`launchctl bootout\`"
}

start_daemon() {
  say "starting $label"
  launchctl enable "system/$label" >&3 2>&3
  # launchd answers 5 while it still clears away the job before.
  until_so 5 launchctl bootstrap system "$volume$daemon" >&3 2>&3 || is_loaded || {
    say "error: \`launchctl bootstrap\` failed" >&2
    return 1
  }
  until_so 20 is_up || {
    say "error: $label is not running 20 s after it was loaded" >&2
    return 1
  }
}

# listed LIST PATH: whether a manifest names PATH.
listed() { grep -qxF -e "644 $2" -e "755 $2" "$1"; }

# remove_folders LIST: those of them that are empty, the deepest first.
remove_folders() {
  sort -r "$1" | while IFS= read -r folder; do
    case $folder in *..* | [!/]*) continue ;; esac
    need_way "$folder"
    rmdir -- "$volume$folder" 2>/dev/null || true
  done
}

# each_file LIST COMMAND: calls COMMAND MODE PATH for each line of a manifest.
each_file() {
  while read -r mode path <&4; do
    case $path in
    *..* | [!/]*) die "\`$path\` in \`$1\` is no path of a package" ;;
    esac
    "$2" "$mode" "$path"
  done 4<"$1"
}
