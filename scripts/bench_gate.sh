# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# `portreeve gate`; sourced by bench.

bench_gate() {
  local run middle lowest highest own green proven=yes
  need_openclaw
  gateway_prepare "$work_dir/home"
  for run in $(seq "$runs"); do
    say "start $run of $runs of OpenClaw's gateway"
    gateway_start "$work_dir/gateway.log"
    "${gateway_env[@]}" "$node" "$root/scripts/bench_gate.mjs" "$gateway_port" "$portreeve" gate -q --timeout 120 \
      --home "$gateway_home" >>"$work_dir/gate"
    # Its end by a signal is no failure.
    gateway_stop || :
    say 'the same for its own handshake'
    gateway_start "$work_dir/gateway.log"
    "${gateway_env[@]}" "$node" "$root/scripts/bench_gate.mjs" "$gateway_port" >>"$work_dir/own"
    gateway_stop || :
  done
  printf "## \`portreeve gate\`\n\n"
  machine_facts
  read -r middle lowest highest <<<"$(spread "$work_dir/gate")"
  printf -- '- from ready to exit 0, %s starts of a real gateway: %s to %s\n' "$runs" "$(shown "$lowest")" "$(shown "$highest")"
  read -r own lowest highest <<<"$(spread "$work_dir/own")"
  printf -- '- from ready to the challenge of a handshake begun at that moment, %s starts: %s to %s\n' "$runs" \
    "$(shown "$lowest")" "$(shown "$highest")"
  say "starting $starts stand-ins"
  if (cd "$root" && PORTREEVE_BIN=$portreeve PORTREEVE_GATE_STARTS=$starts cargo test --quiet --locked -p portreeve-tests \
    --test e2e -- --exact gate::liars::no_start_that_is_not_proven_is_a_success) >"$work_dir/starts.log" 2>&1; then
    green='none, each exit status by its cause'
  else
    cat "$work_dir/starts.log" >&2
    green='a start did not end as it must' proven=no
  fi
  bars
  bar 'gateway ready to exit 0 ≤ 100 ms' "$(shown "$middle"), the median of $runs; the gateway's own handshake then $(shown "$own")" \
    "$(at_most "$middle" 100)"
  bar "no success that is not proven in $starts starts that come late, fail, die or lie" "$green" "$proven"
}
