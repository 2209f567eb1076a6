# shellcheck shell=bash disable=SC2016,SC2154 # Markdown in single quotes; variables of bench
# `portreeve units` on folders of property lists; sourced by bench.

# property_lists COUNT…: a folder plists-COUNT of so many each. Sets python.
property_lists() {
  local count
  have jq || die "no \`jq\`" "Debian: apt-get install jq; macOS has one"
  have python3 || die "there is no \`python3\`"
  # The program itself, where `python3` is a script that looks for one.
  python=$(python3 -c 'import sys; print(sys.executable)')
  say "writing property lists"
  for count in "$@"; do "$python" "$root/scripts/bench_plists.py" make "$work_dir/plists-$count" "$count"; done
}

bench_inventory() {
  local count ours theirs sizes='10 100 1000 10000'
  # shellcheck disable=SC2086 # a list of numbers
  property_lists $sizes
  for count in $sizes; do
    [ "$("$portreeve" units --json "$work_dir/plists-$count" | jq '.units | length')" = "$count" ] || die "not each of $count property lists is a unit"
    measure "units-$count" "$runs" "$portreeve" units --json "$work_dir/plists-$count"
    measure "plistlib-$count" "$runs" "$python" "$root/scripts/bench_plists.py" read "$work_dir/plists-$count"
  done

  printf "## Inventory: \`portreeve units\` beside plistlib\n\n"
  machine_facts
  printf -- "- %s, which reads the same files and does nothing with them; half of the files are binary, %s KiB in all of the most\n\n" \
    "$("$python" --version)" "$(du -sk --apparent-size "$work_dir/plists-10000" 2>/dev/null | cut -f 1 || true)"
  printf '| property lists | `portreeve units --json` | a file | peak memory | plistlib | a file | ratio |\n|--:|--:|--:|--:|--:|--:|--:|\n'
  for count in $sizes; do
    ours=$(median "units-$count") theirs=$(median "plistlib-$count")
    printf '| %s | %s | %s µs | %s MiB | %s | %s µs | %s × |\n' "$count" "$(shown "$ours")" "$(quotient "$(product "$ours" 1000)" "$count" 1)" \
      "$(peak_mib "units-$count")" "$(shown "$theirs")" "$(quotient "$(product "$theirs" 1000)" "$count" 1)" "$(quotient "$theirs" "$ours" 1)"
  done
  bars
  bar "10 000 property lists ≥ 10 × as fast as plistlib" "$(quotient "$theirs" "$ours" 1) ×" "$(at_most 10 "$(quotient "$theirs" "$ours" 3)")"
  grown_in "units-1000" 1000 "units-10000" 10000
  bar "linear: time a file at 10 000 ≤ 1.2 × at 1 000" "$grown ×" "$(at_most "$grown" 1.2)"
}
