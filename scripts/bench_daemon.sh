# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# `portreeve run` beside Prometheus node_exporter; sourced by bench.

# processor_ms PID: milliseconds of processor time, of children that have ended too.
processor_ms() {
  awk -v ticks="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); print ($12 + $13 + $14 + $15) * 1000 / ticks }' "/proc/$1/stat"
}
resident_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }
# tree_kib PID: resident with its children, pages that they share counted each time.
tree_kib() {
  local sum pid
  sum=$(resident_kib "$1")
  for pid in $(ps -o pid= --ppid "$1"); do
    sum=$((sum + $(resident_kib "$pid" 2>/dev/null || true) + 0))
  done
  printf '%s\n' "$sum"
}

# The whole of it again among the processes, mounts and interfaces of a node with
# an engine, where ten containers run.
daemon_in_node() {
  local number
  containers_node
  for number in $(seq 10); do
    DOCKER_HOST=$socket docker run --detach --label portreeve-bench --name "bench-$number" portreeve-lab/small:1 sleep 100000 >/dev/null
  done
  nsenter --target "$engine_pid" --mount --pid --net -- env PORTREEVE_BENCH_CONTAINERS=10 "PORTREEVE_OPENCLAW=$openclaw_dir" \
    "$root/scripts/bench" daemon --no-build --runs "$runs"
}

bench_daemon() {
  local agent_env exporter exporter_port daemon begun minutes=$runs second name beside='no container: an engine needs Linux and root' deadline
  [ "$(uname -s)" = Linux ] || die "\`bench daemon\` reads /proc"
  need_debian curl jq prometheus-node-exporter procps
  need_openclaw
  if [ -n "${PORTREEVE_BENCH_CONTAINERS:-}" ]; then
    beside="$PORTREEVE_BENCH_CONTAINERS containers of Docker Engine $(docker version --format '{{.Server.Version}}')"
  elif [ "$(id -u)" = 0 ]; then
    daemon_in_node
    return
  fi
  gateway_prepare "$work_dir/home"
  say "starting OpenClaw's gateway on 127.0.0.1:$gateway_port"
  gateway_start "$work_dir/gateway.log"
  gateway_wait 120
  exporter_port=$(free_port)
  prometheus-node-exporter "--web.listen-address=127.0.0.1:$exporter_port" >"$work_dir/exporter.log" 2>&1 &
  exporter=$!
  at_exit="kill $exporter; $at_exit"
  agent_env=("${gateway_env[@]}" "PORTREEVE_HOMES=$gateway_home" "PORTREEVE_DATA_DIR=$work_dir/data"
    "PORTREEVE_STATUS_FILE=$work_dir/status/status.json")
  # A node that was never accepted is accepted once, which runs OpenClaw's own command line: no part of the steady state.
  say 'accepting the node'
  "${agent_env[@]}" "$portreeve" accept >"$work_dir/accept.log" 2>&1 || die "it is not accepted: $(cat "$work_dir/accept.log")"
  "${agent_env[@]}" "$portreeve" run 2>"$work_dir/daemon.log" &
  daemon=$!
  at_exit="kill $daemon; $at_exit"
  deadline=$((SECONDS + 120))
  until [ "$(jq -r '.verdict' "$work_dir/status/status.json" 2>/dev/null)" = ready ]; do
    kill -0 "$daemon" || die "the daemon has ended"
    [ "$SECONDS" -lt "$deadline" ] || die "the daemon does not say \`ready\`: $(jq -c '.causes' "$work_dir/status/status.json")"
    sleep 0.2
  done
  # What belongs to the start is over by then, and the first window of looks at locks has been.
  sleep 90
  say "measuring for $minutes min"
  begun=$(date +%s%N)
  for name in daemon exporter; do processor_ms "${!name}" >"$work_dir/$name.before"; done
  for second in $(seq 0 $((minutes * 60 - 1))); do
    # As Prometheus asks where nothing else is said in most set-ups.
    [ $((second % 15)) != 0 ] || curl --silent --max-time 5 "http://127.0.0.1:$exporter_port/metrics" >"$work_dir/metrics"
    resident_kib "$daemon" >>"$work_dir/daemon.kib"
    tree_kib "$daemon" >>"$work_dir/tree.kib"
    resident_kib "$exporter" >>"$work_dir/exporter.kib"
    sleep 1
  done
  for name in daemon exporter; do processor_ms "${!name}" >"$work_dir/$name.after"; done

  printf "## \`portreeve run\` beside Prometheus node_exporter\n\n"
  machine_facts
  printf -- '- node_exporter %s, asked every 15 s; one gateway on loopback, %s; %s min\n\n' \
    "$(dpkg-query -W -f='${Version}' prometheus-node-exporter)" "$beside" "$minutes"
  awk -v elapsed="$((($(date +%s%N) - begun) / 1000000))" -v folder="$work_dir" '
    function number(file) { getline text < (folder "/" file); close(folder "/" file); return text + 0 }
    function column(file, most, sum, count, first) {
      most = 0; sum = 0; count = 0
      while ((getline text < (folder "/" file)) > 0) { if (!count) first = text; sum += text; count++; if (text > most) most = text; last = text }
      start = first; peak = most; return count ? sum / count : 0
    }
    function row(name, mean, high, cpu) { printf "| %s | %.1f MiB | %.1f MiB | %.3f %% |\n", name, mean / 1024, high / 1024, cpu }
    BEGIN {
      ours = (number("daemon.after") - number("daemon.before")) / elapsed * 100
      theirs = (number("exporter.after") - number("exporter.before")) / elapsed * 100
      print "| | resident, mean | peak | of a core |\n|---|--:|--:|--:|"
      daemon = column("daemon.kib"); top = peak; grown = last - start; row("portreeve run, with all that it starts in the processor time", daemon, top, ours)
      tree = column("tree.kib"); row("the same with its looks while they last", tree, peak, ours)
      exporter = column("exporter.kib"); row("node_exporter", exporter, peak, theirs)
      printf "\n| bar | measured | |\n|---|--:|---|\n"
      printf "| ≤ 15 MiB resident | %.1f MiB | %s |\n", top / 1024, top <= 15360 ? "holds" : "**missed**"
      printf "| ≤ 0.2 %% of a core | %.3f %% | %s |\n", ours, ours <= 0.2 ? "holds" : "**missed**"
      printf "| resident, of node_exporter | %.2f | %s |\n", daemon / exporter, daemon <= exporter ? "holds" : "**missed**"
      printf "| processor, of node_exporter | %.2f | %s |\n", ours / theirs, ours <= theirs ? "holds" : "**missed**"
      printf "| growth over the window | %d KiB | |\n", grown
    }'
  cp "$work_dir/daemon.log" "$target_dir/bench-daemon.log"
}
