# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# The Mach-O that scripts/cross links; sourced by bench.

bench_size() {
  local file=$target_dir/aarch64-apple-darwin/release/portreeve bytes linker="zig's linker and stand-ins for Apple's SDK, a build for checking"
  local link=()
  ! on_mac || linker="Xcode's linker"
  [ "$build" = yes ] || link=(--check "$file")
  # It fails where its own check fails, which is not what is asked here.
  "$root/scripts/cross" ${link[@]+"${link[@]}"} >"$work_dir/cross" || warn "scripts/cross found more than a size: $(tail -n 1 "$work_dir/cross")"
  bytes=$(sed -n 's/^size *\([0-9]*\) bytes.*/\1/p' "$work_dir/cross")
  [ -n "$bytes" ] || die "scripts/cross printed no size"
  printf '## The program for Apple Silicon\n\n'
  printf -- '- %s, %s; %s bytes\n' "$(rustc --version)" "$linker" "$bytes"
  bars
  bar "stripped, arm64 macOS ≤ 8 MiB" "$(quotient "$bytes" 1048576) MiB" "$(at_most "$bytes" 8388608)"
}
