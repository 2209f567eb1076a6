# shellcheck shell=bash disable=SC2034,SC2154 # shares its variables with bench
# `portreeve-fleet serve` under the load of 10 000 nodes, and a VictoriaMetrics
# that takes the same metrics; sourced by bench.

bench_fleet() {
  local modules stack fleet load port pids facts file victoria='' count=$nodes peer beats=$runs
  [ "$(uname -s)" = Linux ] || die "\`bench fleet\` reads /proc"
  # One each in which nobody looks, pages are asked for, and a browser paints.
  [ "$beats" != 10 ] && [ "$beats" -ge 3 ] || beats=3
  modules=$("$root/scripts/browser")
  node=$modules/bin/node
  if stack=$("$root/scripts/stack"); then
    victoria=$stack/bin/victoria-metrics
  else
    warn "there is no VictoriaMetrics: nothing to compare with"
  fi
  # As it is released, but faster to build and without `panic = "abort"`, which no server wants.
  [ "$build" = no ] || (cd "$root" && cargo build --locked --profile fleet -p portreeve-fleet --bin portreeve-fleet --example load)
  fleet=$target_dir/fleet/portreeve-fleet
  load=$target_dir/fleet/examples/load
  [ -x "$fleet" ] && [ -x "$load" ] || die "\`$fleet\` is not there" "leave out \`--no-build\`"
  portreeve=$fleet
  facts=()
  for file in ready degraded containers silent split invalid unproven; do
    facts+=(--facts "$root/agent/portreeve/tests/fixtures/$file.json")
  done
  ulimit -n "$(ulimit -Hn)"

  mkdir -m 700 "$work_dir/data"
  # All nodes call from one address here.
  cat >"$work_dir/fleet.toml" <<TOML
limits.connections = $((count + 1000))
limits.connections_per_address = $((count + 1000))
TOML
  port=$(free_port)
  serve=("$fleet" --config "$work_dir/fleet.toml" --data "$work_dir/data")
  (umask 077 && "${serve[@]}" code create --uses "$count" >"$work_dir/code" && "${serve[@]}" viewer add bench >"$work_dir/viewer")
  say "$count nodes for $((beats + 4)) min"
  "$load" --address "127.0.0.1:$port" --code "$work_dir/code" --nodes "$count" --beats "$beats" --restarts --folder "$work_dir/data" \
    --database "$work_dir/data/fleet.db" --ready "$work_dir/ready" "${facts[@]}" -- \
    "${serve[@]}" serve --listen "127.0.0.1:$port" --log warn >"$work_dir/load.json" 2>"$work_dir/load.log" &
  pids=$!
  at_exit="kill $pids 2>/dev/null; $at_exit"
  until [ -e "$work_dir/ready" ]; do
    kill -0 "$pids" 2>/dev/null || { cat "$work_dir/load.log" >&2; die "the load has ended"; }
    sleep 0.5
  done
  PORTREEVE_BROWSER=$modules "$node" "$root/scripts/bench_fleet.mjs" board "http://127.0.0.1:$port" "$work_dir/viewer" >"$work_dir/board.json"
  wait "$pids" || { cat "$work_dir/load.log" >&2; die "the load failed"; }
  cp "$work_dir/load.log" "$target_dir/bench-fleet.log"

  peer=null
  if [ -n "$victoria" ]; then
    port=$(free_port)
    mkdir "$work_dir/victoria"
    say "the same metrics for VictoriaMetrics"
    "$load" --address "127.0.0.1:$port" --metrics-path /opentelemetry/v1/metrics --nodes "$count" --beats 2 --folder "$work_dir/victoria" "${facts[@]}" -- \
      "$victoria" "-storageDataPath=$work_dir/victoria" "-httpListenAddr=127.0.0.1:$port" -loggerLevel=ERROR -retentionPeriod=1 \
      >"$work_dir/peer.json" 2>"$work_dir/peer.log" && peer=$work_dir/peer.json
  fi
  printf "## \`portreeve-fleet serve\` with %s nodes\n\n" "$count"
  machine_facts
  [ "$peer" = null ] || printf -- '- VictoriaMetrics, single node\n'
  printf -- '- the nodes, the browser and the server share the processors\n\n'
  "$node" "$root/scripts/bench_fleet.mjs" table "$work_dir/load.json" "$work_dir/board.json" "$peer"
}
