# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# How soon the daemon names a second owner of the port; sourced by bench.

bench_owner() {
  local run daemon second_port second_state second_env middle lowest highest status=$work_dir/status/status.json deadline
  need_openclaw
  have jq || die "no \`jq\`" "Debian: apt-get install jq; macOS has one"
  gateway_prepare "$work_dir/second"
  second_port=$gateway_port second_state=$gateway_state second_env=("${gateway_env[@]}")
  gateway_prepare "$work_dir/home"
  sed "s/\"port\": $second_port/\"port\": $gateway_port/" "$second_state/openclaw.json" >"$work_dir/second.json"
  cp "$work_dir/second.json" "$second_state/openclaw.json"
  say "starting OpenClaw's gateway on 127.0.0.1:$gateway_port"
  gateway_start "$work_dir/gateway.log"
  gateway_wait 120

  for run in $(seq "$runs"); do
    say "a second gateway for the same port, $run of $runs"
    rm -rf -- "$work_dir/data" "$work_dir/status" "$second_state/tmp"
    # A fresh one: what comes again and again is looked at more rarely. It is told of no home: two configurations for one port
    # would be named before the second gateway is started, and with one home it would look at nothing else.
    "${gateway_env[@]}" "PORTREEVE_DATA_DIR=$work_dir/data" \
      "PORTREEVE_STATUS_FILE=$status" "$portreeve" run 2>"$work_dir/daemon.log" &
    daemon=$!
    at_exit="kill $daemon 2>/dev/null; $at_exit"
    deadline=$((SECONDS + 120))
    until [ "$(jq --raw-output '.judged_at // ""' "$status" 2>/dev/null)" != '' ]; do
      kill -0 "$daemon" 2>/dev/null || { cat "$work_dir/daemon.log" >&2; die "the daemon has ended"; }
      [ "$SECONDS" -lt "$deadline" ] || die "the daemon gave no verdict within 120 s"
      sleep 0.1
    done
    "$node" "$root/scripts/bench_owner.mjs" "$second_state" "$status" "${second_env[@]}" "$node" "$openclaw_cli" \
      gateway run --allow-unconfigured --bind loopback --port "$gateway_port" >>"$work_dir/named"
    kill "$daemon"
    wait "$daemon" || :
  done

  printf '## A second owner of the port\n\n'
  machine_facts
  printf -- "- the daemon at its default settings; from the second gateway's lock file to \`port.contended\` in the daemon's status\n"
  read -r middle lowest highest <<<"$(spread "$work_dir/named")"
  printf -- '- %s times: median %s, %s to %s\n' "$runs" "$(shown "$middle")" "$(shown "$lowest")" "$(shown "$highest")"
  bars
  bar 'a second owner of the port is named within 10 s' "$(shown "$highest"), the longest of $runs" "$(at_most "$highest" 10000)"
}
