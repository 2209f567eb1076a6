# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# Time and memory as the node grows; sourced by bench.

# grown_in SMALLER COUNT LARGER COUNT: sets grown, the time for one of the
# larger number in those for one of the smaller.
grown_in() { grown=$(quotient "$(product "$(median "$3")" "$2")" "$(product "$(median "$1")" "$4")"); }

# growth WHAT UNIT NAME COUNT…: the table of what was measured as NAME-COUNT,
# and its row among the bars.
growth() {
  local what=$1 unit=$2 name=$3 count before='' last=''
  shift 3
  printf '\n### %s\n\n| %s | wall (median) | each | peak memory |\n|--:|--:|--:|--:|\n' "$what" "$unit"
  for count in "$@"; do
    printf '| %s | %s | %s | %s MiB |\n' "$count" "$(shown "$(median "$name-$count")")" \
      "$(shown "$(quotient "$(median "$name-$count")" "$count" 4)")" "$(peak_mib "$name-$count")"
    before=$last last=$count
  done
  grown_in "$name-$before" "$before" "$name-$last" "$last"
  printf '%s|%s\n' "$what: time for each of $last $unit ≤ 1.2 × of $before" "$grown" >>"$work_dir/growth"
}

# state_directories COUNT…: homes-COUNT holds what PORTREEVE_HOMES takes: so many
# copies of the state of a gateway that ran, each with a port and a token of its own.
state_directories() {
  local number homes='' count
  need_openclaw
  gateway_prepare "$work_dir/homes/0"
  say "letting OpenClaw's gateway make its state"
  gateway_start "$work_dir/gateway.log"
  gateway_wait 120
  gateway_stop || :
  for number in $(seq 1 100); do
    cp -R "$work_dir/homes/0" "$work_dir/homes/$number"
    sed "s/$gateway_token/$(random_token)/; s/\"port\": $gateway_port/\"port\": $((20000 + number))/; s|/homes/0/|/homes/$number/|" \
      "$gateway_state/openclaw.json" >"$work_dir/homes/$number/.openclaw/openclaw.json"
    homes=${homes:+$homes:}$work_dir/homes/$number
    for count in "$@"; do [ "$number" != "$count" ] || printf '%s\n' "$homes" >"$work_dir/homes-$count"; done
  done
}

bench_growth() {
  local count bytes row rest
  have jq || die "no \`jq\`" "Debian: apt-get install jq; macOS has one"
  property_lists 10 100 1000 10000
  for count in 10 100 1000 10000; do measure "units-$count" "$runs" "$portreeve" units --json "$work_dir/plists-$count"; done

  state_directories 1 3 10 30 100
  for count in 1 3 10 30 100; do
    measure "states-$count" "$runs" "${gateway_env[@]}" "PORTREEVE_HOMES=$(cat "$work_dir/homes-$count")" \
      "PORTREEVE_DATA_DIR=$work_dir/data" PORTREEVE_CONTAINERS=off "$portreeve" check --json
  done
  rm -rf -- "$work_dir/homes"

  log_source
  for count in 1 10 100 1000 4000; do
    bytes=$((count * 1000000))
    log_of "$bytes" "$work_dir/log"
    # Of so long ones a few tell as much.
    warmups=1 measure "log-$count" "$([ "$count" -lt 1000 ] && echo "$runs" || echo 3)" "$portreeve" logs --json "$work_dir/log"
    rm -f "$work_dir/log"
  done

  if [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ]; then
    containers_begin
    for count in 1 10 100 500; do
      containers_until "$count"
      measure "containers-$count" "$runs" "${run_portreeve[@]}"
    done
  fi

  printf '## Growth\n\n'
  machine_facts
  growth "\`portreeve units --json\`" 'property lists' units 10 100 1000 10000
  growth "\`portreeve check --json\`, gateways that do not run" 'state directories' states 1 3 10 30 100
  growth "\`portreeve logs --json\`, $log_source" 'MB of log' log 1 10 100 1000 4000
  if [ -e "$work_dir/containers-500.json" ]; then
    growth "\`portreeve check --json\`, the gateway in one of the containers" 'containers' containers 1 10 100 500
  else
    printf '\nContainers were not measured: an engine needs Linux and root.\n'
  fi
  bars
  while IFS='|' read -r row rest; do bar "$row" "$rest ×" "$(at_most "$rest" 1.2)"; done <"$work_dir/growth"
}
