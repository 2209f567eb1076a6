// The table of `scripts/bench check`: reads what hyperfine and `check --json`
// left in a folder. usage: node bench_table.mjs FOLDER REPORTS
import { readFileSync } from "node:fs";

const [folder, reports] = process.argv.slice(2);
const read = (name) => JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"));
const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const milliseconds = (value) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;

const run = (name) => {
  const { times } = read(name).results[0];
  return { median: 1000 * median(times), lowest: 1000 * Math.min(...times), highest: 1000 * Math.max(...times), count: times.length };
};
const check = run("check");
const status = run("status");
const version = run("version");

// Handshake, connect and channels: what the gateway takes to answer, whoever asks.
const asked = [];
for (let index = 1; index <= Number(reports); index++) {
  let rungs;
  try {
    rungs = read(`report-${index}`).gateways?.[0]?.rungs ?? [];
  } catch {
    continue;
  }
  const times = rungs.filter(({ rung }) => ["handshake", "authenticated", "channels"].includes(rung)).map((rung) => rung.elapsed_ms);
  if (times.length === 3 && times.every(Number.isFinite)) asked.push(times.reduce((sum, time) => sum + time));
}

console.log("| command | runs | median | lowest | highest |");
console.log("|---|--:|--:|--:|--:|");
for (const [name, { count, median, lowest, highest }] of [
  ["`portreeve check --json`", check],
  ["`openclaw gateway status --deep`", status],
  ["`portreeve --version`", version],
]) {
  console.log(`| ${name} | ${count} | ${milliseconds(median)} | ${milliseconds(lowest)} | ${milliseconds(highest)} |`);
}

const bar = (text, value, limit, shown) => console.log(`| ${text} | ${shown} | ${value <= limit ? "holds" : "**missed**"} |`);
console.log("\n| bar | measured | |");
console.log("|---|--:|---|");
bar("`check` ≤ 1/10 of `gateway status --deep`", check.median / status.median, 0.1, `1/${(status.median / check.median).toFixed(1)}`);
if (asked.length > 0) {
  const own = median(asked);
  bar("`check` ≤ 1.5 × handshake, connect and channels", check.median / own, 1.5, `${(check.median / own).toFixed(2)} × ${milliseconds(own)}`);
} else {
  console.log("| `check` ≤ 1.5 × handshake, connect and channels | not every rung was answered | not measured |");
}
bar("cold start of `--version` ≤ 10 ms", version.median, 10, milliseconds(version.median));
