# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# `portreeve locks` beside a ground truth; sourced by bench.

bench_locks() {
  local load=$target_dir/release/examples/lock_load hold percent row pids=()
  need_openclaw
  have strace || die "strace is not installed" "install it with the system's package manager"
  (cd "$root" && cargo build --locked --release -p portreeve-tests --example lock_load)

  printf "## Lock wait: \`portreeve locks\` beside waiters that really wait\n\n"
  machine_facts
  printf "\nHolds are from half to one and a half of their mean; waiters come at random and lock with \`F_SETLKW\`. The interval is the\n"
  printf "truth's own at 95 %%, from its number of waiters. Where a lock is held 5 %% of the time, the 95th of 100 waiters is the first who\n"
  printf 'waits at all: p95 hangs on the few around him, p99 does not.\n\n'
  printf '| hold | of the time | seen | waiters | p95 truth | interval | ours | ratio | | p99 truth | interval | ours | ratio | | of a core |\n'
  printf '|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|--:|---|--:|\n'
  for hold in 1 10; do
    for percent in 5 25 50 80; do
      "$load" compare "$portreeve" "$hold" "$percent" 8 | tee -a "$work_dir/compared"
    done
  done
  # Long holds keep no processor busy: all at once, until enough of them were seen.
  local long='100:5 100:25 100:50 100:80 1000:5 1000:25 1000:50 1000:80 20000:25 20000:50 20000:80'
  for row in $long; do
    "$load" compare "$portreeve" "${row%:*}" "${row#*:}" 90 >"$work_dir/row-$row" &
    pids+=($!)
  done
  wait "${pids[@]}"
  for row in $long; do tee -a "$work_dir/compared" <"$work_dir/row-$row"; done

  printf '\n### A writer of a database beside it\n\n'
  "$load" victim "$portreeve" 40 | tee "$work_dir/victim"

  printf '\n### Beside a gateway at work\n\n'
  gateway_prepare "$work_dir/home"
  say "starting OpenClaw's gateway on 127.0.0.1:$gateway_port"
  gateway_start "$work_dir/gateway.log"
  gateway_wait 120
  "${gateway_env[@]}" "$portreeve" locks "$gateway_state" --for 20 --json >"$work_dir/idle.json" || true
  "${gateway_env[@]}" "$portreeve" connect "ws://127.0.0.1:$gateway_port" --count 400 --spread 25 >"$work_dir/connects" &
  pids=($!)
  "${gateway_env[@]}" "$portreeve" locks "$gateway_state" --for 10 --json >"$work_dir/load.json" || true
  strace -f -qq -y -e trace=fcntl,flock,openat -o "$work_dir/trace" \
    "${gateway_env[@]}" "$portreeve" locks "$gateway_state" --for 6 >/dev/null || true
  wait "${pids[@]}" || true
  "$node" "$root/scripts/bench_locks.mjs" "$work_dir" "$gateway_state"

  bars
  # The tenth column is what is said of p95, the second from the end of the victim's row the change.
  bar 'p95 within 10 % of a truth that really waits, at every load' \
    "$(cut -d '|' -f 10 "$work_dir/compared" | sed 's/^ *//; s/ *$//' | sort | uniq -c | awk '{ count = $1; $1 = ""; printf "%s%d%s", (NR > 1 ? ", " : ""), count, $0 }')" \
    "$(cut -d '|' -f 10 "$work_dir/compared" | grep -q off && echo no || echo yes)"
  row=$(tail -n 1 "$work_dir/victim" | cut -d '|' -f 5 | tr -d ' +%')
  bar "a writer's throughput changes by < 1 %" "$(tail -n 1 "$work_dir/victim" | cut -d '|' -f 5,6 | tr '|' ',' | sed 's/^ *//; s/ *$//; s/ ,/,/')" \
    "$(at_most "${row#-}" 0.999)"
}
