// usage: bench_fleet.mjs board URL TOKEN_FILE | table LOAD BOARD PEER
//
// `board` measures the fleet's board in a real Chromium while nodes report, and prints JSON; `table` prints what was measured as Markdown.

import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const PAINTS = 11;
// A new window makes Chromium load pages of its own, which are none of ours.
const SETTLES_MS = 1_200;
const ANSWERS = 60;
// One beat nobody looks, one beat pages are asked for, and one beat a browser paints: each tells what it costs those who report.
const BEAT_MS = 60_000;
const PHASES = ['nobody looks', 'pages are asked for, evenly', 'a browser paints on the same processors'];
const FILTERS = ['/?q=mini-01', '/?verdict=blocked', '/?cause=port.silent', '/?build=25B77&sort=since&order=desc', '/?openclaw=2026.9.4&page=3', '/?image=sha256'];

const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)];
const summary = (values) => ({ count: values.length, p50: quantile(values, 0.5), p95: quantile(values, 0.95), max: Math.max(...values) });

async function board(url, file) {
  const token = readFileSync(file, 'utf8').trim();
  const { chromium } = createRequire(join(process.env.PORTREEVE_BROWSER, 'package.json'))('playwright-core');
  const begun = performance.now();
  const until = (ms) => new Promise((done) => setTimeout(done, Math.max(0, begun + ms - performance.now())));
  const ask = async (path) => {
    const asked = performance.now();
    const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}`, accept: 'text/html' } });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text.slice(0, 200)}`);
    return { took: performance.now() - asked, text };
  };
  const [, nav] = (await ask('/')).text.split('<nav');
  const linked = [...nav.split('</nav>')[0].matchAll(/href="([^"]*)"/g)].map((match) => match[1]);
  const views = [...new Set(linked)].filter((path) => path !== '/');

  await until(BEAT_MS);
  const times = Object.fromEntries(['/', ...FILTERS, ...views].map((path) => [path, []]));
  const turns = ANSWERS * (1 + FILTERS.length / 3) + views.length * 9;
  for (let turn = 0; turn < ANSWERS; turn += 1) {
    for (const path of ['/', ...(turn % 3 ? [] : FILTERS), ...(turn % 6 || turn >= 54 ? [] : views)]) {
      const done = Object.values(times).flat().length;
      await until(BEAT_MS * (1 + (0.95 * done) / turns));
      times[path].push((await ask(path)).took);
    }
  }
  const result = { list: summary(times['/']), filters: {}, views: {} };
  for (const path of FILTERS) result.filters[path] = summary(times[path]);
  for (const path of views) result.views[path] = summary(times[path]);

  await until(2 * BEAT_MS);
  const browser = await chromium.launch({ executablePath: process.env.PATH.split(':').map((folder) => join(folder, 'chromium')).find(existsSync), args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] });
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}/login`);
  await page.getByLabel('token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((to) => !to.pathname.startsWith('/login'));
  const login = await context.storageState();
  // Each time as if never seen, but for the login. The window is open, so that its start does not count.
  const paint = async (page, before) => {
    const fresh = await browser.newContext({ storageState: login });
    const opened = await fresh.newPage();
    await opened.goto(before);
    await opened.waitForTimeout(SETTLES_MS);
    await opened.goto(page, { waitUntil: 'load' });
    const seen = await opened.evaluate(async () => {
      const painted = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
      for (let waited = 0; painted() === undefined && waited < 100; waited += 1) await new Promise((done) => setTimeout(done, 50));
      return [painted(), performance.getEntriesByType('navigation')[0].responseStart];
    });
    await fresh.close();
    return seen;
  };
  // What Chromium takes here for a page with one word: a measure of the machine.
  const word = createServer((request, response) => {
    const isStyle = request.url.endsWith('.css');
    response.setHeader('content-type', isStyle ? 'text/css' : 'text/html');
    response.end(isStyle ? 'p { color: blue }' : '<!doctype html><title>t</title><link rel="stylesheet" href="/a.css"><p>word');
  });
  await new Promise((done) => word.listen(0, '127.0.0.1', done));
  const plain = `http://127.0.0.1:${word.address().port}/`;
  const [paints, first, words] = [[], [], []];
  for (let turn = 0; turn < PAINTS; turn += 1) {
    const [painted, byte] = await paint(`${url}/`, `${url}/healthz`);
    paints.push(painted);
    first.push(byte);
    words.push((await paint(plain, `${plain}before`))[0]);
  }
  word.close();
  result.paint = summary(paints);
  result.first_byte = summary(first);
  result.word = summary(words);
  result.nodes = Number(await page.locator('[data-count="nodes"]').textContent());
  await browser.close();
  console.log(JSON.stringify(result, null, 1));
}

function table(loadFile, boardFile, peerFile) {
  const load = JSON.parse(readFileSync(loadFile, 'utf8'));
  const seen = JSON.parse(readFileSync(boardFile, 'utf8'));
  const peer = peerFile === 'null' ? null : JSON.parse(readFileSync(peerFile, 'utf8'));
  const ms = (value) => (value === null || value === undefined ? '–' : `${value.toFixed(1)} ms`);
  const mib = (bytes) => `${(bytes / 1048576).toFixed(0)} MiB`;
  const verdict = (holds) => (holds ? 'holds' : '**missed**');
  const refused = (outcomes) => Object.entries(outcomes).filter(([name]) => /^\d+$/.test(name) || name === 'accepted in part');
  const told = (outcomes) => Object.entries(outcomes).map(([name, count]) => `${count} ${name}`).join(', ');

  console.log(`Enrolled in ${load.enrolled_s.toFixed(1)} s; then ${load.seconds} s of ${((load.metrics.count + load.logs.count) / load.seconds).toFixed(0)} requests a second,`);
  console.log(`${((load.sent_bytes / load.seconds) / 1024).toFixed(0)} KiB/s packed, over ${load.connections} connections in all.\n`);
  console.log('| ingest | requests | p50 | p95 | p99 | longest |\n|---|--:|--:|--:|--:|--:|');
  const row = (name, one) => console.log(`| ${name} | ${one.count} | ${ms(one.p50_ms)} | ${ms(one.p95_ms)} | ${ms(one.p99_ms)} | ${ms(one.max_ms)} |`);
  row('metrics', load.metrics);
  row('reports', load.logs);
  load.beats.forEach((one, place) => row(`both, while ${PHASES[Math.min(place, PHASES.length - 1)]}`, one));
  if (peer) {
    row('metrics, VictoriaMetrics', peer.metrics);
    const ratio = (key) => (peer.metrics[key] ? (load.metrics[key] / peer.metrics[key]).toFixed(2) : '–');
    console.log(`| ratio | | ${ratio('p50_ms')} | ${ratio('p95_ms')} | ${ratio('p99_ms')} | |`);
  }
  console.log('\n| | memory, peak | after a beat | at the end | on disk | of a core |\n|---|--:|--:|--:|--:|--:|');
  const size = (name, one) => console.log(`| ${name} | ${one.memory.peak_mib.toFixed(0)} MiB | ${one.memory.series_mib[2]?.toFixed(0) ?? '–'} MiB | ${one.memory.last_mib.toFixed(0)} MiB | ${mib(one.folder_bytes.last)} | ${one.processor_percent.toFixed(0)} % |`);
  size('portreeve-fleet, metrics and reports', load);
  if (peer) {
    size('VictoriaMetrics, metrics alone', peer);
    console.log(`| ratio | ${(load.memory.peak_mib / peer.memory.peak_mib).toFixed(2)} | | | ${(load.folder_bytes.last / peer.folder_bytes.last).toFixed(2)} | ${(load.processor_percent / peer.processor_percent).toFixed(2)} |`);
  }
  console.log(`\nResident every 30 s: ${load.memory.series_mib.map((value) => value.toFixed(0)).join(', ')} MiB.\n`);
  console.log('| board, under this load | p50 | p95 | longest |\n|---|--:|--:|--:|');
  const answer = (name, one) => console.log(`| ${name} | ${ms(one.p50)} | ${ms(one.p95)} | ${ms(one.max)} |`);
  answer('first contentful paint in Chromium', seen.paint);
  answer('first byte in Chromium', seen.first_byte);
  answer('first contentful paint of a page with one word', seen.word);
  answer('list', seen.list);
  for (const [path, one] of Object.entries({ ...seen.filters, ...seen.views })) answer(`\`${path}\``, one);
  console.log('\n| restart | end | start | sent again | p99 of the beat after |\n|---|--:|--:|--:|--:|');
  for (const one of load.restarts) console.log(`| ${one.signal} | ${one.stop_ms} ms | ${one.start_ms} ms | ${one.again} | ${ms(one.after.p99_ms)} |`);

  const filters = Object.values(seen.filters);
  const p99 = Math.max(load.metrics.p99_ms, load.logs.p99_ms);
  const [peak, middle, last] = [load.memory.peak_mib, load.memory.middle_mib, load.memory.last_mib];
  console.log('\n| bar | measured | |\n|---|--:|---|');
  console.log(`| nothing refused | ${told(load.all)} | ${verdict(refused(load.all).length === 0)} |`);
  console.log(`| ingest p99 ≤ 250 ms | ${ms(p99)} | ${verdict(p99 <= 250)} |`);
  console.log(`| first paint ≤ 300 ms | ${ms(seen.paint.p50)}, ${seen.nodes} nodes | ${verdict(seen.paint.p50 <= 300)} |`);
  console.log(`| filter ≤ 100 ms | ${ms(Math.max(...filters.map((one) => one.p95)))} (p95 of the slowest) | ${verdict(filters.every((one) => one.p95 <= 100))} |`);
  console.log(`| memory bounded | peak ${peak.toFixed(0)} MiB, ${(last - middle).toFixed(0)} MiB from the middle to the end | ${verdict(peak <= 1024)} |`);
  const kept = load.kept;
  console.log(`| nothing acknowledged is lost | ${kept.acknowledged} acknowledged, ${kept.lost} lost, ${kept.twice} twice, ${kept.old_reports} of ${kept.nodes} reports older | ${verdict(kept.lost + kept.twice + kept.old_reports === 0 && kept.check === 'ok')} |`);
}

const [task, ...rest] = process.argv.slice(2);
if (task === 'board') await board(...rest);
else if (task === 'table') table(...rest);
else process.exit(2);
