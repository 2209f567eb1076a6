// Starts a command and asks a gateway's `/readyz` every 2 ms; prints how many
// milliseconds after the first 200 the command exited with 0. Without a command:
// how many after it the challenge came to one who asked for a WebSocket at once.
// usage: node bench_gate.mjs PORT [COMMAND…]
import { spawn } from "node:child_process";
import http from "node:http";

const [port, command, ...words] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });
const ask = () =>
  new Promise((resolve) => {
    const request = http.get({ host: "127.0.0.1", port, path: "/readyz", agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    });
    request.on("error", () => resolve(0));
  });

let ended;
if (command !== undefined) {
  const child = spawn(command, words, { stdio: "inherit" });
  child.on("exit", (status) => (ended = { at: performance.now(), status }));
}
let ready;
while (ready === undefined && ended === undefined) {
  if ((await ask()) === 200) ready = performance.now();
  else await new Promise((resolve) => setTimeout(resolve, 2));
}
if (command === undefined) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  socket.onmessage = () => (ended = { at: performance.now(), status: 0 });
  socket.onerror = () => (ended = { at: performance.now(), status: 1 });
}
while (ended === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
agent.destroy();
if (ended.status !== 0) {
  console.error(`exit status ${ended.status}`);
  process.exit(1);
}
// The command may have seen it first.
console.log(Math.max(0, ended.at - (ready ?? ended.at)).toFixed(1));
process.exit();
