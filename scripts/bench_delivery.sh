# shellcheck shell=bash disable=SC2016,SC2154 # Markdown in single quotes; variables of bench
# A daemon that is killed again and again, and an endpoint that comes and goes;
# sourced by bench.

bench_delivery() {
  local outcome=yes
  say "killing the daemon $kills times"
  (cd "$root" && PORTREEVE_BIN=$portreeve PORTREEVE_KILLS=$kills cargo test --quiet --locked -p portreeve-tests --test e2e -- \
    --exact --nocapture telemetry::kills::what_a_killed_daemon_has_written_down_is_told_once) >"$work_dir/kills.log" 2>&1 || outcome=no
  grep -q "^$kills kills: " "$work_dir/kills.log" || { cat "$work_dir/kills.log" >&2; die "the kills did not come to their end"; }
  [ "$outcome" = yes ] || cat "$work_dir/kills.log" >&2

  printf '## Delivery\n\n'
  machine_facts
  printf -- '- %s\n' "$(grep "^$kills kills: " "$work_dir/kills.log")"
  printf -- '- what arrived twice bears the same `log.record.uid` and says the same; it is compared and counted once\n'
  bars
  bar "$kills kills at random moments, the endpoint going up and down: nothing lost, nothing counted twice" \
    "$(if [ "$outcome" = yes ]; then echo 'nothing, by what the daemon had written down'; else echo 'something'; fi)" "$outcome"
}
