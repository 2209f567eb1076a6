# shellcheck shell=bash disable=SC2034,SC2154 # shares its variables with lib.sh and the scripts
# A real OpenClaw gateway in a throw-away home; sourced after lib.sh.

# Sets openclaw_dir; installs where PORTREEVE_OPENCLAW names no folder.
need_openclaw() {
  openclaw_dir=$("$root/scripts/openclaw") || exit $?
  node=$openclaw_dir/bin/node
  openclaw_cli=$openclaw_dir/node_modules/openclaw/openclaw.mjs
}

free_port() {
  "$node" -e 'const s = require("net").createServer();
    s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); });'
}
random_token() { od -An -N20 -tx1 /dev/urandom | tr -d ' \n'; }

# http_status PORT PATH: the status of a GET on loopback, nothing if none came.
http_status() {
  (
    exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$1" || exit 0
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$2" "$1" >&3
    local status
    IFS=' ' read -r -t 5 _ status _ <&3 && printf '%s' "$status"
  ) || true
}

# gateway_prepare HOME: a throw-away home with a configured gateway. Sets
# gateway_home, gateway_state, gateway_port, gateway_token, gateway_env.
gateway_prepare() {
  gateway_home=$1
  gateway_state=$gateway_home/.openclaw
  gateway_port=$(free_port)
  gateway_token=$(random_token)
  mkdir -p "$gateway_state"
  chmod 700 "$gateway_home" "$gateway_state"
  (
    umask 077
    cat >"$gateway_state/openclaw.json" <<JSON
{
  "gateway": {
    "mode": "local",
    "bind": "loopback",
    "port": $gateway_port,
    "auth": { "mode": "token", "token": "$gateway_token" }
  },
  // Otherwise it would write into the log of this machine's own gateway.
  "logging": { "file": "$gateway_home/openclaw.log" }
}
JSON
  )
  # Only this: a token or URL of the caller's environment would be another case.
  gateway_env=(env -i "PATH=$openclaw_dir/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" "HOME=$gateway_home"
    "OPENCLAW_STATE_DIR=$gateway_state" "LANG=${LANG:-C.UTF-8}" "TERM=${TERM:-dumb}" "TMPDIR=${TMPDIR:-/tmp}")
}

# gateway_start LOG: sets gateway_pid, and stops it when the script ends.
gateway_start() {
  gateway_log=$1
  # Its own process group, so that Ctrl-C reaches it through us only and its
  # children end with it.
  set -m
  "${gateway_env[@]}" "$node" "$openclaw_cli" gateway run --allow-unconfigured --bind loopback --port "$gateway_port" \
    >"$gateway_log" 2>&1 </dev/null &
  gateway_pid=$!
  set +m
  at_exit="gateway_stop; $at_exit"
}

# gateway_wait SECONDS: until /readyz says 200.
gateway_wait() {
  local deadline=$((SECONDS + $1))
  until [ "$(http_status "$gateway_port" /readyz)" = 200 ]; do
    if ! kill -0 "$gateway_pid" 2>/dev/null; then
      tail -n 20 "$gateway_log" >&2
      die "the gateway ended before it was ready"
    fi
    if [ "$SECONDS" -ge "$deadline" ]; then
      tail -n 20 "$gateway_log" >&2
      die "the gateway was not ready within $1 s"
    fi
    sleep 0.2
  done
}

gateway_stop() {
  [ -n "${gateway_pid:-}" ] || return 0
  local tries=0
  kill -CONT -- "-$gateway_pid" 2>/dev/null
  kill -TERM -- "-$gateway_pid" 2>/dev/null
  while kill -0 -- "-$gateway_pid" 2>/dev/null && [ "$tries" -lt 50 ]; do
    sleep 0.2
    tries=$((tries + 1))
  done
  kill -KILL -- "-$gateway_pid" 2>/dev/null
  wait "$gateway_pid" 2>/dev/null
  gateway_pid=
  # Its lock files lie outside its home, named after its database.
  local database=$gateway_state/state/openclaw.sqlite hash
  hash=$("$node" -e 'console.log(require("crypto").createHash("sha256").update(process.argv[1]).digest("hex").slice(0, 8))' "$database")
  [ -z "$hash" ] || rm -f -- "/tmp/openclaw-state-locks-$(id -u)/"*".$hash.lock.sqlite"*
}
