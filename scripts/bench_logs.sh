# shellcheck shell=bash disable=SC2016,SC2154 # Markdown and jq in single quotes; variables of bench
# `portreeve logs` beside `rg` and `jq`; sourced by bench.

# Lines in the shape of the gateway's own, for where there is no corpus.
log_lines() {
  awk 'BEGIN {
    meta = "\"_meta\":{\"runtime\":\"node\",\"runtimeVersion\":\"24.21.0\",\"hostname\":\"node\",\"date\":\"2026-11-21T03:43:40.544Z\",\"logLevelId\":%d,\"logLevelName\":\"%s\",\"name\":\"{\\\"subsystem\\\":\\\"%s\\\"}\",\"parentNames\":[\"openclaw\"],\"path\":{\"fullFilePath\":\"/opt/openclaw/dist/logger.mjs:892:29\",\"fileName\":\"logger.mjs\",\"fileNameWithLine\":\"logger.mjs:892\",\"fileColumn\":\"29\",\"fileLine\":\"892\",\"filePath\":\"/opt/openclaw/dist/logger.mjs\",\"filePathWithLine\":\"/opt/openclaw/dist/logger.mjs:892\",\"method\":\"log\"}}"
    for (n = 0; n < 400; n++) {
      id = sprintf("%08x-9a1b-4c2d-8e3f-%012x", n * 2654435761 % 4294967296, n)
      peer = sprintf("peer=192.0.2.%d:%d->192.0.2.1:18789 remote=192.0.2.%d", n % 200, 40000 + n, n % 200)
      if (n % 4 == 0) { level = 4; subsystem = "gateway/ws"; text = "unauthorized conn=" id " " peer " client=cli cli v2026.9.6 role=operator scopes=1 auth=token device=no platform=linux reason=token_mismatch guidance=unauthorized: gateway token mismatch" }
      else if (n % 4 == 1) { level = 4; subsystem = "gateway/ws"; text = "closed before connect conn=" id " " peer " code=1008 reason=unauthorized: gateway token mismatch phase=auth_credentials_received" }
      else if (n % 4 == 2) { level = 3; subsystem = "cron"; text = "job " id " was added" }
      else { level = 3; subsystem = "gateway"; text = n % 8 == 3 ? "loading configuration…" : "ready" }
      time = sprintf("2026-11-21T%02d:%02d:%02d.%03d", n / 60 % 24, n % 60, n % 60, n)
      printf "{\"0\":\"{\\\"subsystem\\\":\\\"%s\\\"}\",\"1\":\"%s\"," meta ",\"time\":\"%s+00:00\",\"hostname\":\"node\",\"message\":\"%s\"}\n", subsystem, text, level, level == 4 ? "WARN" : "INFO", subsystem, time, text
    }
  }'
}

# Sets log_source, and writes what log_of repeats.
log_source() {
  if [ -n "${PORTREEVE_CORPUS:-}" ]; then
    cat "$PORTREEVE_CORPUS"/openclaw/logs/*.jsonl >"$work_dir/lines"
    log_source="lines of real gateways"
  else
    log_lines >"$work_dir/lines"
    log_source="lines in the shape of the gateway's"
  fi
}

# log_of BYTES FILE: the lines again and again. The last one is torn.
log_of() {
  local size
  head -c "$1" "$work_dir/lines" >"$2"
  while size=$(wc -c <"$2") && [ "$size" -lt "$1" ]; do
    cp "$2" "$work_dir/half"
    head -c "$(($1 - size))" "$work_dir/half" >>"$2"
  done
  rm -f "$work_dir/half"
}

# rate NAME BYTES: MB a second of processor time of what was measured under
# this name. Each of them works in one thread.
rate() {
  jq --argjson bytes "$2" '.results[0] | $bytes / (.user + .system) / 1e6 | floor' "$work_dir/$1.json"
}

bench_logs() {
  need_tools ripgrep
  have jq || die "no \`jq\`" "Debian: apt-get install jq; macOS has one"
  local gigabyte=1000000000 ours searched parsed name
  log_source
  log_of "$gigabyte" "$work_dir/1g.log"
  # jq is slow enough for a tenth.
  log_of $((gigabyte / 10)) "$work_dir/100m.log"

  measure ours "$runs" "$portreeve" logs --json "$work_dir/1g.log"
  measure rg "$runs" rg --threads 1 --count --no-mmap \
    'closed before connect|unauthorized conn=|loading configuration|\bready"|handshake timeout' "$work_dir/1g.log"
  # Not all of what ours counts: no windows, no starts, and one layer by subsystem alone.
  # In a file: hyperfine reads no word of several lines.
  printf '%s\n' 'reduce inputs as $line ({};
    ($line["0"] | tostring) as $by | ($line.message | tostring) as $text
    | .layers[if $by | contains("gateway/ws") then "auth" elif $by | contains("channels/") then "channels"
        elif $by | contains("gateway") then "transport" else "other" end] += 1
    | .kinds[$text | if startswith("closed before connect") then "closed" elif startswith("unauthorized conn=") then "unauthorized"
        elif startswith("loading configuration") then "start" elif . == "ready" then "ready" else "other" end] += 1
    | if $text | startswith("closed before connect") then
        .hours[$line.time[0:13]][$text | split(" code=")[1] // "" | split(" ")[0] // ""] += 1
      else . end)' >"$work_dir/layers.jq"
  measure jq 3 jq -n -f "$work_dir/layers.jq" "$work_dir/100m.log"
  ours=$(rate ours "$gigabyte") searched=$(rate rg "$gigabyte") parsed=$(rate jq $((gigabyte / 10)))

  rm -f "$work_dir/1g.log" "$work_dir/100m.log"
  say "measuring memory on 4 GB"
  log_of 4000000000 "$work_dir/4g.log"
  warmups=0 measure large 1 "$portreeve" logs --json "$work_dir/4g.log"
  rm -f "$work_dir/4g.log"

  printf "## \`portreeve logs\` beside \`rg\` and \`jq\`\n\n"
  machine_facts
  printf -- "- %s, %s bytes each on average\n\n" "$log_source" "$(awk '{ n += length } END { print int(n / NR) }' "$work_dir/lines")"
  printf '| | MB/s of a core | ours is |\n|---|---:|---:|\n'
  for name in "portreeve logs --json:$ours" "rg --count, five patterns:$searched" "jq, layers, kinds, codes by hour:$parsed"; do
    printf '| `%s` | %s | %s × |\n' "${name%:*}" "${name##*:}" "$(awk -v a="$ours" -v b="${name##*:}" 'BEGIN { printf "%.1f", a / b }')"
  done
  printf '\nPeak memory on 4 GB: %s MiB\n' "$(peak_mib large)"
  bars
  bar '≥ 500 MB/s a core on JSON lines' "$ours MB/s" "$(at_most 500 "$ours")"
  bar '≥ 20 × jq' "$(quotient "$ours" "$parsed" 1) ×" "$(at_most "$((20 * parsed))" "$ours")"
}
