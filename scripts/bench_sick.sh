# shellcheck shell=bash disable=SC2016,SC2154 # jq in single quotes; variables of bench
# `portreeve check` where nothing answers; sourced by bench.

# mute PLACE: takes connections on a port of loopback or a socket, and never
# says a word.
mute() {
  "$node" -e 'const [place] = process.argv.slice(1);
    const server = require("net").createServer(() => {});
    server.listen(...(place.startsWith("/") ? [place] : [+place, "127.0.0.1"]), () => console.log("there"));' "$1" >"$work_dir/mute" &
  at_exit="kill $!; $at_exit"
  until [ -s "$work_dir/mute" ]; do
    kill -0 $! || die "nobody listens on \`$1\`"
    sleep 0.1
  done
  rm -f "$work_dir/mute"
}

# sick NAME DEADLINES WORD…: checks with these variables, which pass so many
# deadlines.
sick() {
  local name=$1 deadlines=$2
  shift 2
  printf '%s\n' "$deadlines" >"$work_dir/$name.deadlines"
  local command=("${gateway_env[@]}" "PORTREEVE_DATA_DIR=$work_dir/data" "$@" "$portreeve" check --json)
  warmups=0 measure "$name" "$runs" "${command[@]}"
  "${command[@]}" >"$work_dir/$name.report" || true
}

# What a report says of each deadline: "live of port 18789: nothing came within 5000 ms".
deadlines_of='
  [ (.gateways[] | .port as $port | .rungs[] | select(.detail | test("within [0-9]")) | "\(.rung) of port \($port): \(.detail)"),
    (.blind[] | select(.why | test("within [0-9]")) | "\(.what): \(.why)") ]'

bench_sick() {
  local name homes other title named worst=0 all_named=yes
  need_openclaw
  have jq || die "no \`jq\`" "Debian: apt-get install jq; macOS has one"
  gateway_prepare "$work_dir/other"
  other=$gateway_home homes=PORTREEVE_HOMES=$gateway_home
  mute "$gateway_port"
  say "a listener that never answers on 127.0.0.1:$gateway_port"
  sick listener 4 "$homes" PORTREEVE_CONTAINERS=off

  gateway_prepare "$work_dir/home"
  say "starting OpenClaw's gateway on 127.0.0.1:$gateway_port"
  gateway_start "$work_dir/gateway.log"
  gateway_wait 120
  mute "$work_dir/engine.sock"
  homes=PORTREEVE_HOMES=$gateway_home
  sick healthy 0 "$homes" PORTREEVE_CONTAINERS=off
  sick engine 1 "$homes" "DOCKER_HOST=unix://$work_dir/engine.sock"
  kill -STOP -- "-$gateway_pid"
  sick gateway 4 "$homes" PORTREEVE_CONTAINERS=off
  sick everything 9 "$homes:$other" "DOCKER_HOST=unix://$work_dir/engine.sock"
  kill -CONT -- "-$gateway_pid"

  printf "## Sick nodes: \`portreeve check\` where nothing answers\n\n"
  machine_facts
  printf '\n| | wall (median) | longest | verdict | root causes | deadlines passed | named |\n|---|--:|--:|---|---|--:|--:|\n'
  for name in healthy gateway listener engine everything; do
    case $name in
    healthy) title='a gateway that is ready, for comparison' ;;
    gateway) title='the gateway is suspended' ;;
    listener) title='a listener on its port takes connections and never answers' ;;
    engine) title='the same of an engine, beside a gateway that is ready' ;;
    everything) title='all of that at once' ;;
    esac
    named=$(jq "$deadlines_of | length" "$work_dir/$name.report")
    [ "$named" -ge "$(cat "$work_dir/$name.deadlines")" ] || all_named=no
    worst=$(jq --argjson worst "$worst" '[.results[0].max * 1000, $worst] | max' "$work_dir/$name.json")
    printf '| %s | %s | %s | %s | %s | %s |\n' "$title" "$(shown "$(median "$name")")" \
      "$(shown "$(jq '.results[0].max * 1000' "$work_dir/$name.json")")" \
      "$(jq --raw-output '"\(.verdict) | \(.root_causes | join(", "))"' "$work_dir/$name.report")" "$(cat "$work_dir/$name.deadlines")" "$named"
  done
  printf '\nWhat the report says of all at once:\n\n'
  jq --raw-output --arg folder "$work_dir/" "$deadlines_of | .[] | gsub(\$folder; \"\") | \"- \(.)\"" "$work_dir/everything.report"
  bars
  bar "\`check\` on a sick node ≤ 20 s" "$(shown "$worst"), the longest of all" "$(at_most "$worst" 20000)"
  bar "each deadline is named" "$(if [ "$all_named" = yes ]; then echo 'each of them'; else echo 'not each'; fi)" "$all_named"
}
