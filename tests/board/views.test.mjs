// Views of the whole fleet, each with something to show and with nothing.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser, Fleet, assertAccessible, assertQuiet } from './bench.mjs';

const MINUTE = 60_000;
let fleet;
let browser;

const GATEWAY = 'op/default:18789';
const closes = (count, start) => ({
  name: 'portreeve.connection.closes', unit: '{close}', kind: 'counter',
  points: [['1006', 'other'], ['1008', 'pairing-required']].map(([code, reason]) => ({ value: count, start, attributes: { gateway: GATEWAY, code, reason } })),
});
const waits = (p95) => ({
  name: 'portreeve.lock.wait.p95', unit: 's', kind: 'gauge',
  points: [{ value: p95, attributes: { kind: 'wal-writer', purpose: 'database' } }],
});

before(async () => {
  fleet = await Fleet.start();
  browser = await Browser.start();
  const start = Date.now() - 10 * MINUTE;
  for (let index = 0; index < 6; index += 1) {
    const node = await fleet.enrol({ id: `b${index}`, name: `mini-${index}` });
    await node.report(index < 2 ? 'containers' : ['ready', 'silent', 'split', 'degraded'][index - 2], (report) => {
      report.node.os_build = index % 2 ? '25B78' : '25B77';
      for (const gateway of report.gateways) gateway.version = index % 3 ? '2026.9.6' : '2026.9.4';
      for (const [place, container] of report.containers.entries()) {
        container.digest = `sha256:${String(index % 2).repeat(60)}${String(place).padStart(4, '0')}`;
      }
      // One identity on two nodes.
      for (const client of report.clients) client.device_id = index < 4 ? 'device-of-both' : client.device_id;
      if (index === 5) {
        report.quarantine = { since: new Date(start).toISOString(), attempts: 2, reasons: ['os-build'], needs_consent: true, changes: [] };
      }
      report.accepted = { at: new Date(start).toISOString(), by: 'agent', os_build: '25B77' };
    });
    await node.measure(waits(0.001 * (index + 1)), closes(index, start));
    await node.measure(waits(0.002 * (index + 1)), closes(index + 5, start));
  }
});
after(async () => {
  await browser?.stop();
  await fleet?.stop();
});

const VIEWS = {
  '/causes': ['port.silent', 'mini-3'],
  '/images': ['sha256', '0000'],
  '/versions': ['2026.9.6', '2026.9.4'],
  '/upgrade': ['25B78', '25B77'],
  '/closes': ['by week'],
  '/locks': ['95th percentile'],
  '/quarantine': ['mini-5'],
  '/ghosts': ['mini-0', 'mini-1'],
  '/absent': [],
  '/audit': ['vera', 'code.create'],
};

for (const [path, words] of Object.entries(VIEWS)) {
  test(`${path} shows what is there`, async () => {
    const page = await browser.page(fleet, fleet.viewer);
    const answer = await page.goto(fleet.url + path);
    assert.equal(answer.status(), 200);
    const text = await page.locator('main').innerHTML();
    for (const word of words) assert.ok(text.includes(word), `no ${word} in ${path}: ${await page.locator('main').textContent()}`);
    assert.equal(await page.locator('h1').count(), 1);
    assert.equal(await page.locator('nav [aria-current="page"]').count(), 1, 'where one is');
    await assertAccessible(page, path.slice(1));
    assertQuiet(page);
  });
}

test('every view is linked, and has words where there is nothing', async () => {
  const empty = await Fleet.start();
  try {
    const page = await browser.page(empty, empty.viewer);
    const links = await page.locator('nav a').evaluateAll((all) => all.map((one) => new URL(one.href).pathname));
    for (const path of Object.keys(VIEWS)) assert.ok(links.includes(path), `${path} is not linked`);
    for (const path of links) {
      const answer = await page.goto(empty.url + path);
      assert.equal(answer.status(), 200, path);
      const text = (await page.locator('main').innerText()).trim();
      assert.ok(text.split('\n').length > 1, `${path}: ${text}`);
      assert.ok(!/NaN|undefined|null|Infinity/.test(text), `${path}: ${text}`);
    }
    assertQuiet(page);
  } finally {
    await empty.stop();
  }
});

test('what is not there is told on a page', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  for (const path of ['/nodes/none', '/none', '/nodes/%2e%2e%2f']) {
    const answer = await page.goto(fleet.url + path);
    assert.equal(answer.status(), 404, path);
    assert.ok(await page.locator('h1').textContent());
  }
  await assertAccessible(page, 'not-found');
});
