# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# `portreeve check` on an engine with many containers; sourced by bench.

# containers_node: the first of the nodes that scripts/engine starts. Sets
# engine_pid and socket.
containers_node() {
  local nodes
  nodes=$("$root/scripts/engine")
  engine_pid=$(cat "$nodes/0/pid")
  socket=unix://$nodes/0/docker.sock
  at_exit="containers_clear; $at_exit"
  containers_clear
}
containers_clear() {
  DOCKER_HOST=$socket docker ps --all --quiet --filter label=portreeve-bench | xargs -r env "DOCKER_HOST=$socket" docker rm --force --volumes >/dev/null
}

# containers_begin: a node with one container, in which a gateway is ready. Sets
# run_portreeve, which looks at it.
containers_begin() {
  local image
  need_openclaw
  containers_node
  "$root/scripts/probe" --arch "$(dpkg --print-architecture)"
  mkdir "$work_dir/home" "$work_dir/state"
  printf '{ "gateway": { "mode": "local" } }\n' >"$work_dir/state/openclaw.json"
  chown -R 1000:1000 "$work_dir/state"
  chmod 700 "$work_dir/state"
  container_token=$(random_token)
  run_portreeve=(nsenter --target "$engine_pid" --mount --pid --net -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "HOME=$work_dir/home"
    "PORTREEVE_PROBE_DIR=$target_dir/probe" "$portreeve" check --json --home "$work_dir/home")
  image=$(DOCKER_HOST=$socket docker images --format '{{.Repository}}:{{.Tag}}' | grep '^portreeve-lab/openclaw:' | sort | tail -n 1)
  DOCKER_HOST=$socket docker run --detach --label portreeve-bench --name bench-gateway --env "OPENCLAW_GATEWAY_TOKEN=$container_token" \
    --volume "$work_dir/state:/home/node/.openclaw" --volume "$(cd "$openclaw_dir" && pwd -P)/node_modules:/app/node_modules:ro" "$image" >/dev/null
  DOCKER_HOST=$socket docker exec bench-gateway sh -c 'until wget -q -O /dev/null http://127.0.0.1:18789/readyz 2>/dev/null; do sleep 0.2; done'
  containers_made=1
}

# containers_until COUNT: so many in all, the others never started.
containers_until() {
  [ "$containers_made" -lt "$1" ] || return 0
  say "making containers until there are $1"
  seq -f 'bench-%.0f' "$((containers_made + 1))" "$1" |
    DOCKER_HOST=$socket xargs -P 4 -I '{}' docker create --label portreeve-bench --name '{}' --env "OTHER=$container_token" portreeve-lab/small:1 true >/dev/null
  containers_made=$1
}

bench_containers() {
  local count=500
  containers_begin
  measure_node alone
  containers_until "$((count + 1))"
  measure_node crowd

  printf "## Containers: \`portreeve check\` with %s of them\n\n" "$count"
  machine_facts
  printf -- "- Docker Engine %s; one gateway, %s containers that were never started\n\n" \
    "$(DOCKER_HOST=$socket docker version --format '{{.Server.Version}}')" "$count"
  "$node" "$root/scripts/bench_containers.mjs" "$work_dir" "$runs" "$count"
}

# measure_node NAME: reports, facts and wall times of so many checks.
measure_node() {
  local run
  say "measuring $1 ($runs runs)"
  for run in $(seq "$runs"); do
    local begun
    begun=$(date +%s%N)
    "${run_portreeve[@]}" --save "$work_dir/$1-$run.facts.json" >"$work_dir/$1-$run.json" || true
    printf '%s\n' "$((($(date +%s%N) - begun) / 1000))" >"$work_dir/$1-$run.us"
  done
}
