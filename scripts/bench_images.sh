# shellcheck shell=bash disable=SC2154 # shares its variables with bench
# `portreeve images` on a real registry; sourced by bench.

bench_images() {
  local registry number count=100 names='' others
  need_debian curl docker-registry jq
  registry=127.0.0.1:$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  mkdir "$work_dir/home"
  printf '%s\n' 'version: 0.1' 'log: { accesslog: { disabled: false }, level: error }' \
    "storage: { filesystem: { rootdirectory: $work_dir/registry } }" "http: { addr: $registry }" >"$work_dir/registry.yml"
  docker-registry serve "$work_dir/registry.yml" >>"$work_dir/registry.log" 2>&1 &
  at_exit="kill $!; $at_exit"
  curl --silent --retry 50 --retry-delay 1 --retry-connrefused "http://$registry/v2/" >"$work_dir/hello"
  say "pushing $count images"
  for number in $(seq "$count"); do
    push_image "$registry" "$number"
    names="$names $registry/openclaw:$number"
  done
  # Nothing of this machine is looked at: what is measured is the registry's part.
  ask=(env -i PATH=/usr/bin:/bin "HOME=$work_dir/home" PORTREEVE_CONTAINERS=off "PORTREEVE_DATA_DIR=$work_dir/data"
    "$portreeve" images --json --home "$work_dir/home")
  # shellcheck disable=SC2086 # a list of names
  measure many "$runs" "${ask[@]}" $names
  measure one "$runs" "${ask[@]}" "$registry/openclaw:1"
  # shellcheck disable=SC2086,SC2046 # lists of names
  measure curl "$runs" curl --silent --head --header 'Accept: application/vnd.oci.image.manifest.v1+json' \
    $(seq -f "http://$registry/v2/openclaw/manifests/%.0f" "$count")
  : >"$work_dir/registry.log"
  # shellcheck disable=SC2086 # a list of names
  "${ask[@]}" $names >"$work_dir/report.json" || true

  printf "## Images: \`portreeve images\` on %s of them\n\n" "$count"
  machine_facts
  printf -- '- docker-registry %s on loopback\n\n' "$(dpkg-query -W -f='${Version}' docker-registry)"
  printf '| | wall (median) |\n|---|--:|\n'
  for number in one many curl; do
    printf '| %s | %s ms |\n' "$number" "$(jq '.results[0].median * 1000 | round' "$work_dir/$number.json")"
  done
  bars
  jq --raw-output --slurpfile one "$work_dir/one.json" --slurpfile report "$work_dir/report.json" --argjson count "$count" '
    ((.results[0].median - $one[0].results[0].median) * 1000 / ($count - 1)) as $each
    | ($report[0].requests.elapsed_ms / $count) as $registry
    | "| each image more ≤ 64 ms | \($each * 100 | round / 100) ms | \(if $each <= 64 then "holds" else "**missed**" end) |",
      "| of it the registry | \($registry * 100 | round / 100) ms | |"' "$work_dir/many.json"
  others=$(grep '"[A-Z]* /v2/' "$work_dir/registry.log" | grep -vc '"HEAD ' || true)
  bar "HEAD only: of $count images by the registry's own log" \
    "$(grep -c '"HEAD /v2/openclaw/manifests/' "$work_dir/registry.log") HEAD, $others others" "$(at_most "$others" 0)"
}

# push_image REGISTRY TAG: a manifest of its own on one configuration.
push_image() {
  local base=http://$1/v2/openclaw config=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a location
  if [ "$2" = 1 ]; then
    location=$(curl --silent --request POST --output /dev/null --dump-header - "$base/blobs/uploads/" | tr -d '\r' |
      sed -n 's/^[Ll]ocation: //p')
    curl --silent --fail --request PUT --header 'Content-Type: application/octet-stream' --data-binary '{}' \
      "$location&digest=sha256:$config"
  fi
  printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":2},"layers":[],"annotations":{"number":"%s"}}' \
    application/vnd.oci.image.manifest.v1+json application/vnd.oci.image.config.v1+json "$config" "$2" |
    curl --silent --fail --request PUT --header 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @- "$base/manifests/$2"
}
