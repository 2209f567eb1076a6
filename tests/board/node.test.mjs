// The page of one node, and what people decide on it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser, Fleet, assertAccessible, assertQuiet, signIn, until } from './bench.mjs';

const MINUTE = 60_000;
const GATEWAY = 'op/default:18789';
let fleet;
let browser;
let sick;
let told;

before(async () => {
  fleet = await Fleet.start();
  browser = await Browser.start();
  sick = await fleet.enrol({ id: 'n1', name: 'studio', hostname: 'studio.local' });
  const healthy = await fleet.enrol({ id: 'n2', name: 'healthy' });
  await healthy.report('ready', (body) => {
    const [wide, path] = ['W'.repeat(90), `/private/${'folder/'.repeat(12)}.openclaw`];
    [body.clients[0].id, body.gateways[0].id, body.gateways[0].state_dir] = [wide, path, path];
  });
  const now = Date.now();
  await sick.report('ready');
  await sick.tell(
    { name: 'portreeve.agent.started', at: now - 50 * MINUTE, body: { version: '0.1.0', since: new Date(now - 50 * MINUTE).toISOString(), uptime_s: 60, interval_s: 60 } },
    { name: 'portreeve.verdict.changed', at: now - 40 * MINUTE, body: { from: null, to: 'ready', since: new Date(now - 40 * MINUTE).toISOString(), causes: [] } },
    { name: 'portreeve.verdict.changed', at: now - 20 * MINUTE, severity: 17, body: { from: 'ready', after_s: 1200, to: 'blocked', since: new Date(now - 20 * MINUTE).toISOString(), causes: [{ code: 'token.split', subject: 'gateway:18789', summary: 'split' }] } },
  );
  told = await sick.report('split');
  for (let minute = 15; minute > 0; minute -= 1) {
    const at = now - minute * MINUTE;
    const point = (value, attributes) => ({ value, at, start: now - 60 * MINUTE, attributes });
    await sick.measure(
      { name: 'portreeve.lock.wait.p95', unit: 's', kind: 'gauge', points: [point(0.001 * minute, { kind: 'wal-writer', purpose: 'database' })] },
      { name: 'portreeve.lock.wait', unit: 's', kind: 'histogram', points: [point({ offset: -60, counts: [20 - minute, 3, 1] }, { kind: 'wal-writer', purpose: 'database' })] },
      { name: 'portreeve.connect.duration', unit: 's', kind: 'histogram', points: [point({ offset: -30, counts: [20 - minute, 3, 1] }, { gateway: GATEWAY })] },
      { name: 'portreeve.gateway.restarts', unit: '{start}', kind: 'counter', points: [point(Math.floor(16 - minute), { gateway: GATEWAY })] },
      { name: 'portreeve.token.sources', unit: '{source}', kind: 'gauge', points: [point(2, { side: 'gateway', name: 'gateway' })] },
      { name: 'portreeve.pairing.attempts', unit: '{attempt}', kind: 'counter', points: [point(20 - minute, { gateway: GATEWAY })] },
    );
  }
});
after(async () => {
  await browser?.stop();
  await fleet?.stop();
});

const open = async (token, options) => {
  const page = await browser.page(fleet, token, options);
  await page.goto(`${fleet.url}/nodes/n1`);
  return page;
};

test('all that the node told is there', async () => {
  const page = await open(fleet.viewer);
  assert.equal(await page.locator('h1').textContent(), 'studio');
  const text = await page.locator('main').textContent();
  for (const finding of told.findings) {
    for (const words of [finding.code, finding.summary, ...finding.evidence.map((one) => one.fact), ...finding.remedy.flatMap((one) => [one.text, one.command ?? one.text])]) {
      assert.ok(text.includes(words), `no \`${words}\``);
    }
  }
  for (const rung of told.gateways[0].rungs) assert.ok(text.includes(rung.detail), rung.rung);
  assert.ok(text.includes('25B78') && text.includes('2026'), 'what it is');
  assert.ok((await page.locator('figure svg').count()) >= 3, 'timeline, topology and a plot');
  for (const figure of await page.locator('figure').all()) {
    assert.ok(await figure.locator('figcaption').textContent());
    // What a picture shows can be read, too.
    if (await figure.locator('svg').count()) assert.ok(await figure.locator('details table, ul').count(), await figure.textContent());
  }
  assert.match(text, /restarts/i);
  assert.match(text, /pair/i);
  assert.equal(await page.getByRole('button', { name: /Waive it|Announce/ }).count(), 0, 'a viewer may only look');
  await assertAccessible(page, 'node');
  assertQuiet(page);
});

test('words stay within the boxes of the picture', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  await page.goto(`${fleet.url}/nodes/n2`);
  const svg = page.locator('figure', { hasText: 'Topology' }).locator('svg');
  const [words, outside] = await svg.evaluate((svg) => {
    const frames = [...svg.querySelectorAll('rect')].map((one) => one.getBBox());
    const texts = [...svg.querySelectorAll('text')].map((one) => ({ words: one.textContent.trim(), at: one.getBBox() }));
    const frame = ({ at }) => frames.find((one) => one.x <= at.x && at.x < one.x + one.width && one.y <= at.y && at.y < one.y + one.height);
    const framed = texts.filter(frame);
    return [framed.map((one) => one.words), framed.filter((one) => one.at.x + one.at.width > frame(one).x + frame(one).width)];
  });
  assert.ok(words.some((one) => one.startsWith('…')), `nothing is cut: ${words}`);
  assert.deepEqual(outside, []);
});

test('other spans of time show the same page', async () => {
  const page = await open(fleet.viewer);
  const links = await page.getByRole('navigation', { name: 'Time shown' }).getByRole('link').evaluateAll((all) => all.map((one) => one.href));
  assert.ok(links.length >= 2);
  for (const link of links) assert.equal((await page.goto(link)).status(), 200, link);
  assertQuiet(page);
});

test('a finding is waived, shown as waived, recorded, and the waiver taken back', async () => {
  const page = await open(fleet.operator);
  const roots = told.findings.filter((one) => told.root_causes.includes(one.code) && !one.explained_by);
  for (const root of roots) {
    const finding = page.locator('article.finding').filter({ has: page.locator('h3', { hasText: root.code }) }).filter({ hasText: root.summary }).first();
    await finding.locator('summary', { hasText: /^Waive/ }).click();
    await finding.getByLabel('Why').fill('known <b>and</b> "accepted"');
    await finding.getByRole('button', { name: 'Waive it' }).click();
    await page.getByRole('status').filter({ hasText: 'Waived' }).waitFor();
  }
  const text = await page.locator('main').textContent();
  assert.ok(text.includes('known <b>and</b> "accepted"') && text.includes('otto'), 'who and why');
  assert.notEqual(await page.locator('[data-node="n1"]').getAttribute('data-verdict'), 'blocked');
  await assertAccessible(page, 'node-waived');
  await page.goto(`${fleet.url}/causes`);
  assert.match(await page.locator('main').textContent(), /otto/);
  await page.goto(`${fleet.url}/audit`);
  assert.match(await page.locator('main').textContent(), /finding\.waive/);
  // The node is told nothing: its own verdict stands.
  assert.match(fleet.run('node', 'list', '--json'), /"verdict":"blocked"/);
  await page.goto(`${fleet.url}/nodes/n1`);
  for (let left = roots.length; left > 0; left -= 1) {
    await page.getByRole('button', { name: /Take the waiver back/ }).first().click();
    await page.getByRole('status').filter({ hasText: 'Taken back' }).waitFor();
  }
  assert.equal(await page.locator('[data-node="n1"]').getAttribute('data-verdict'), 'blocked');
  assertQuiet(page);
});

test('a finding is acknowledged, by keyboard alone', async () => {
  const page = await open(fleet.operator);
  const summary = page.locator('article.finding summary').filter({ hasText: /^Acknowledge/ }).first();
  await summary.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.type('I look after it');
  await page.keyboard.press('Enter');
  await page.getByRole('status').filter({ hasText: 'Acknowledged' }).waitFor();
  assert.match(await page.locator('article.finding').first().textContent(), /I look after it/);
  assert.equal(await page.locator('[data-node="n1"]').getAttribute('data-verdict'), 'blocked', 'the verdict stands');
  await page.getByRole('button', { name: /Take the acknowledgement back/ }).click();
  await page.getByRole('status').filter({ hasText: 'Taken back' }).waitFor();
  assertQuiet(page);
});

test('maintenance is announced and ended, without a script', async () => {
  const page = await browser.page(fleet, null, { javaScriptEnabled: false });
  await signIn(page, fleet.operator);
  await page.goto(`${fleet.url}/nodes/n1`);
  const aside = page.getByRole('complementary', { name: 'Maintenance' });
  await aside.getByLabel('Why').fill('new disk');
  await aside.locator('[name=hours]').selectOption('24');
  await aside.getByRole('button').click();
  assert.match(await page.locator('main').textContent(), /Maintenance until.*new disk/s);
  await page.goto(fleet.url);
  assert.match(await page.locator('tr[data-node="n1"]').textContent(), /maintenance/i);
  await page.goto(`${fleet.url}/nodes/n1`);
  await page.getByRole('button', { name: 'End it' }).click();
  assert.doesNotMatch(await page.locator('main').textContent(), /new disk/);
});

test('what makes no sense is not recorded, and told', async () => {
  const page = await open(fleet.operator);
  const csrf = await page.locator('input[name="csrf"]').first().inputValue();
  const [cookie] = await page.context().cookies();
  const send = async (path, fields) => {
    const answer = await fetch(`${fleet.url}/nodes/n1/${path}`, {
      method: 'POST', redirect: 'manual', body: new URLSearchParams({ csrf, ...fields }),
      headers: { cookie: `${cookie.name}=${cookie.value}`, origin: fleet.url },
    });
    return `${answer.status} ${new URL(answer.headers.get('location') ?? '', fleet.url).search}`;
  };
  const code = told.root_causes[0];
  assert.match(await send('waive', { code, hours: '24', reason: ' ' }), /^303 \?done=reason/);
  assert.match(await send('waive', { code, hours: '-1', reason: 'x' }), /^303 \?done=time/);
  assert.match(await send('waive', { code, until: '9999-12-31', reason: 'x' }), /^303 \?done=time/);
  assert.match(await send('waive', { code: 'no.such', hours: '24', reason: 'x' }), /^303 \?done=finding/);
  assert.match(await send('maintenance', { hours: '4', reason: 'x'.repeat(5000) }), /^303 \?done=reason/);
  assert.match(await send('end', { kind: 'waiver', id: '999999' }), /^303 \?done=gone/);
  assert.match(await send('end', { kind: 'none', id: '1' }), /^4/);
  await page.reload();
  assert.equal(await page.locator('.finding.waived').count(), 0);
});

test('a viewer decides nothing, even with a form of its own', async () => {
  const page = await open(fleet.viewer);
  const csrf = await page.locator('input[name="csrf"]').first().inputValue();
  const [cookie] = await page.context().cookies();
  const answer = await fetch(`${fleet.url}/nodes/n1/maintenance`, {
    method: 'POST', redirect: 'manual', body: new URLSearchParams({ csrf, hours: '4', reason: 'x' }),
    headers: { cookie: `${cookie.name}=${cookie.value}`, origin: fleet.url },
  });
  assert.equal(answer.status, 403);
});

test('the page keeps current', async () => {
  const page = await open(fleet.viewer);
  await page.getByText('Live', { exact: true }).waitFor();
  await sick.report('ready');
  await page.locator('[data-node="n1"][data-verdict="ready"]').waitFor();
  await until('the word', async () => (await page.locator('[data-field="word"]').first().textContent()) === 'ready');
  await page.locator('#moved').waitFor({ state: 'visible' });
  await page.locator('#moved a').click();
  await page.locator('#moved').waitFor({ state: 'hidden' });
  assert.equal(await page.locator('article.finding h3', { hasText: 'token.split' }).count(), 0);
  assertQuiet(page);
});
