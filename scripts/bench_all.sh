# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# Every subject in turn; sourced by bench.

bench_all() {
  local one status flags failed=0
  : >"$work_dir/bars"
  for one in $subjects; do
    flags=(${passed[@]+"${passed[@]}"})
    # For these it would mean minutes.
    case $one in daemon | fleet) ;; *) [ -z "$typed_runs" ] || flags+=(--runs "$typed_runs") ;; esac
    # The others measure what is built by now.
    case $one in fleet | size) [ "$build" = yes ] || flags+=(--no-build) ;; *) flags+=(--no-build) ;; esac
    say "==> $one"
    status=0
    { "$root/scripts/bench" "$one" ${flags[@]+"${flags[@]}"} 2>&1 >&3 | tee "$work_dir/said" >&2; } 3>"$work_dir/table" || status=$?
    cat "$work_dir/table"
    printf '\n'
    awk -v subject="$one" '
      /^\| bar \| measured \| \|$/ { inside = 1; getline; next }
      inside && /^\|/ { if (!/\| \|$/) print "| " subject " " $0; next }
      { inside = 0 }' "$work_dir/table" >>"$work_dir/bars"
    [ "$status" = 0 ] || {
      failed=$((failed + 1))
      printf '| %s | | %s | not measured |\n' "$one" \
        "$(sed -n 's/^error: //p' "$work_dir/said" | tail -n 1 | grep . || printf 'exit status %s' "$status")" >>"$work_dir/bars"
    }
  done
  printf '## All bars\n\n'
  machine_facts
  printf '\n| what | bar | measured | |\n|---|---|--:|---|\n'
  cat "$work_dir/bars"
  [ "$failed" = 0 ] || die "$failed of the subjects did not come to their end"
}
