# shellcheck shell=bash disable=SC2034,SC2154 # shares its variables with lib.sh and the scripts
# A fleet on loopback, and agents that are enrolled in it; sourced after lib.sh
# and gateway.sh.

# fleet_start PROGRAM DIR: serves from DIR on a free port until the script ends.
# Sets fleet_url, fleet_token (an operator's), fleet_log.
fleet_start() {
  local port
  fleet_program=$1
  fleet_dir=$2
  mkdir -p "$fleet_dir"
  chmod 700 "$fleet_dir"
  fleet_log=$fleet_dir/fleet.log
  port=$(free_port)
  fleet_url=http://127.0.0.1:$port
  # A process group of its own: Ctrl-C reaches it through us only.
  set -m
  "$fleet_program" serve --listen "127.0.0.1:$port" --data "$fleet_dir/data" >>"$fleet_log" 2>&1 </dev/null &
  fleet_pids=$!
  set +m
  at_exit="fleet_stop; $at_exit"
  local deadline=$((SECONDS + 30))
  until [ "$(http_status "$port" /healthz)" = 200 ]; do
    fleet_lives "$fleet_pids" 'the fleet' "$fleet_log"
    [ "$SECONDS" -lt "$deadline" ] || die "the fleet did not answer within 30 s" "its log: $fleet_log"
    sleep 0.1
  done
  fleet_token=$("$fleet_program" --data "$fleet_dir/data" viewer add "$(id -un)" --role operator --days 1)
}

# fleet_join PROGRAM NAME DIR HOME…: enrols a node by a join code of its own and
# starts its agent, which looks at the homes and keeps its data in DIR. Sets
# fleet_first_agent, once.
fleet_join() {
  local program=$1 name=$2 dir=$3 homes agent
  shift 3
  homes=$(IFS=:; printf '%s' "$*")
  mkdir -p "$dir"
  chmod 700 "$dir"
  printf '[deliver]\ninterval_s = 5\n\n[daemon]\nfast_s = 5\nslow_s = 60\nlocks_s = 20\nlock_window_s = 5\n' >"$dir/portreeve.toml"
  agent=(env -i "PATH=${PATH}" "HOME=$1" "LANG=${LANG:-C.UTF-8}" "PORTREEVE_CONFIG=$dir/portreeve.toml"
    "PORTREEVE_DATA_DIR=$dir/data" "PORTREEVE_STATUS_FILE=$dir/status.json" "PORTREEVE_HOMES=$homes"
    PORTREEVE_CONTAINERS=off "$program")
  "$fleet_program" --data "$fleet_dir/data" code create --uses 1 --hours 1 |
    "${agent[@]}" enrol "$fleet_url" --code-file - --name "$name" >>"$dir/agent.log" 2>&1 || {
    tail -n 20 "$dir/agent.log" >&2
    die "the node \`$name\` could not enrol"
  }
  set -m
  "${agent[@]}" run >>"$dir/agent.log" 2>&1 </dev/null &
  fleet_pids="$fleet_pids $!"
  fleet_first_agent=${fleet_first_agent:-$!}
  set +m
  fleet_lives "$!" "the agent of \`$name\`" "$dir/agent.log"
}

# fleet_wait_nodes COUNT SECONDS: until so many nodes have reported.
fleet_wait_nodes() {
  local deadline=$((SECONDS + $2)) listed
  while :; do
    listed=$("$fleet_program" --data "$fleet_dir/data" node list)
    [ "$(printf '%s\n' "$listed" | grep -cE 'ready|degraded|blocked')" -lt "$1" ] || break
    if [ "$SECONDS" -ge "$deadline" ]; then
      warn "not all nodes have a verdict yet"
      break
    fi
    sleep 0.5
  done
  say
  say "\$ portreeve-fleet node list"
  printf '%s\n' "$listed" >&2
}

fleet_lives() {
  kill -0 "$1" 2>/dev/null && return
  tail -n 20 "$3" >&2
  die "$2 has ended"
}

fleet_stop() {
  local pid tries=0
  for pid in $fleet_pids; do
    kill -CONT -- "-$pid" 2>/dev/null
    kill -TERM -- "-$pid" 2>/dev/null
  done
  for pid in $fleet_pids; do
    while kill -0 -- "-$pid" 2>/dev/null && [ "$tries" -lt 60 ]; do
      sleep 0.2
      tries=$((tries + 1))
    done
    kill -KILL -- "-$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  fleet_pids=
}
