// The table of `scripts/bench containers`: reads what `check --save` left in a
// folder. usage: node bench_containers.mjs FOLDER RUNS CONTAINERS
import { readFileSync } from "node:fs";

const [folder, runs, containers] = process.argv.slice(2);
const read = (name) => readFileSync(`${folder}/${name}`, "utf8");
const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const milliseconds = (value) => `${value.toFixed(0)} ms`;
const indices = Array.from({ length: Number(runs) }, (_, index) => index + 1);

// What the engine took to answer, and the probe from its container's making to its result.
const run = (name, index) => {
  const facts = JSON.parse(read(`${name}-${index}.facts.json`));
  const wall = Number(read(`${name}-${index}.us`)) / 1000;
  const engine = facts.engines.reduce((sum, { answer }) => sum + (answer.value?.elapsed_ms ?? 0), 0);
  const probes = facts.workloads.map(({ view }) => view.value?.elapsed_ms).filter(Number.isFinite);
  return { wall, engine, probes, workloads: facts.workloads.length };
};

console.log("| node | runs | containers seen | wall (median) | engine's own answers | rest |");
console.log("|---|--:|--:|--:|--:|--:|");
let rest;
for (const name of ["alone", "crowd"]) {
  const all = indices.map((index) => run(name, index));
  const wall = median(all.map(({ wall }) => wall));
  const engine = median(all.map(({ engine }) => engine));
  rest = median(all.map(({ wall, engine }) => wall - engine));
  console.log(`| ${name} | ${runs} | ${all[0].workloads} | ${milliseconds(wall)} | ${milliseconds(engine)} | ${milliseconds(rest)} |`);
  const probes = all.flatMap(({ probes }) => probes);
  if (probes.length > 0) console.log(`| ${name}: within the probe | ${probes.length} | | ${milliseconds(median(probes))} | | |`);
}
const bar = (text, value, limit) => console.log(`| ${text} | ${milliseconds(value)} | ${value <= limit ? "holds" : "**missed**"} |`);
console.log("\n| bar | measured | |");
console.log("|---|--:|---|");
const alone = median(indices.map((index) => run("alone", index).wall));
bar("a whole check with one probe, which starts and ends within it ≤ 1.5 s", alone, 1500);
bar(`${containers} containers listed and judged ≤ 2 s beyond the engine's own answers`, rest, 2000);
