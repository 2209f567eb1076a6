// What `scripts/bench locks` saw beside a gateway: the cost, and the calls that
// could disturb it. usage: node bench_locks.mjs FOLDER STATE_DIR
import { readFileSync } from "node:fs";

const [folder, state] = process.argv.slice(2);
const report = (name) => JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"));
const row = (what, { state_dirs: [dir], locks, verdict }) => {
  const samples = locks.reduce((sum, lock) => sum + lock.samples, 0);
  const cost = dir.cpu_percent.toFixed(2);
  return `| ${what} | ${dir.watched_s.toFixed(0)} s | ${locks.length} | ${samples} | ${cost} % | ${verdict} |`;
};
console.log("| gateway | watched | locks | looks | of a core | verdict |");
console.log("|---|--:|--:|--:|--:|---|");
console.log(row("idle", report("idle")));
console.log(row("16 connects a second", report("load")));

// The coordinators of a state directory lie in /tmp.
const theirs = (line) => line.includes(`${state}/`) || line.includes("openclaw-state-locks-");
const lines = readFileSync(`${folder}/trace`, "utf8").split("\n");
const count = (test) => lines.filter(test).length;
console.log("\n| calls under strace | on the gateway's files | on others |\n|---|--:|--:|");
for (const [name, test] of [
  ["`F_GETLK`", (line) => line.includes("F_GETLK")],
  ["`F_SETLK`, `F_SETLKW`, `F_OFD_SETLK`, `flock`", (line) => /F_(OFD_)?SETLKW?\b|flock\(/.test(line)],
  ["opened to write, or made", (line) => /openat\(.*(O_RDWR|O_WRONLY|O_CREAT|O_TRUNC)/.test(line)],
]) {
  console.log(`| ${name} | ${count((line) => test(line) && theirs(line))} | ${count((line) => test(line) && !theirs(line))} |`);
}
