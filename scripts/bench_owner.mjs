// Starts a second gateway and prints how many milliseconds after it owned its
// state the daemon's status named it. usage: node bench_owner.mjs STATE_DIR STATUS_FILE COMMAND…
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const CAUSE = "port.contended";
const DEADLINE = 180_000;
const [state, status, command, ...words] = process.argv.slice(2);

// From then on OpenClaw calls it the owner of its state.
const owned = () => {
  try {
    return readdirSync(`${state}/tmp`).some((folder) => existsSync(`${state}/tmp/${folder}/gateway.state.lock`));
  } catch {
    return false;
  }
};
const named = () => {
  try {
    return JSON.parse(readFileSync(status, "utf8")).causes.some(({ code }) => code === CAUSE);
  } catch {
    return false;
  }
};

if (owned() || named()) throw new Error("there is a second owner already");
const child = spawn(command, words, { stdio: "ignore", detached: true });
const end = (signal) => {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
};
process.on("exit", () => end("SIGKILL"));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const begun = Date.now();
let there;
for (;;) {
  if (there === undefined && owned()) there = Date.now();
  if (there !== undefined && named()) break;
  if (Date.now() - begun > DEADLINE) throw new Error(there === undefined ? "the second gateway owns nothing" : `nobody named ${CAUSE}`);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
console.log(Date.now() - there);
end("SIGTERM");
await new Promise((resolve) => {
  child.on("exit", resolve);
  setTimeout(resolve, 10_000);
});
