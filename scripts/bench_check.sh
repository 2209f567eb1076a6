# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# `portreeve check`; sourced by bench.

bench_check() {
  need_openclaw
  gateway_prepare "$work_dir/home"
  say "starting OpenClaw's gateway on 127.0.0.1:$gateway_port"
  gateway_start "$work_dir/gateway.log"
  gateway_wait 120
  # What the gateway itself takes, rung by rung, is in each report.
  local run status=0
  for run in $(seq "$runs"); do
    "${gateway_env[@]}" "$portreeve" check --json >"$work_dir/report-$run.json" || status=$?
  done

  measure version 50 "$portreeve" --version
  measure check "$runs" "${gateway_env[@]}" "$portreeve" check --json
  measure status "$runs" "${gateway_env[@]}" "$node" "$openclaw_cli" gateway status --deep

  printf "## \`portreeve check\` beside \`openclaw gateway status --deep\`\n\n"
  machine_facts
  printf -- "- %s, one gateway on loopback; \`check\` gave exit status %s\n\n" "$("${gateway_env[@]}" "$node" "$openclaw_cli" --version)" "$status"
  "$node" "$root/scripts/bench_table.mjs" "$work_dir" "$runs"
}
