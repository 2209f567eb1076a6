// The list of nodes: who may see it, what is in it, filters, sorting, news as they come, and all of it without a script and without a mouse.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser, Fleet, assertAccessible, assertQuiet, signIn, until } from './bench.mjs';

let fleet;
let browser;
const nodes = {};

before(async () => {
  fleet = await Fleet.start();
  browser = await Browser.start();
  for (const [id, facts, build, version] of [
    ['a1', 'ready', '25B78', '2026.9.6'], ['a2', 'degraded', '25B78', '2026.9.6'], ['a3', 'silent', '25B77', '2026.9.4'],
    ['a4', 'split', '25B77', '2026.9.6'], ['a5', 'silent', '25B78', '2026.9.4'], ['a6', 'unproven', '24G325', '2026.8.30'],
  ]) {
    nodes[id] = await fleet.enrol({ id, name: `mac-${id}`, hostname: `host-${id}` });
    await nodes[id].report(facts, (report) => {
      report.node.os_build = build;
      for (const gateway of report.gateways) gateway.version = version;
    });
  }
  nodes.a7 = await fleet.enrol({ id: 'a7', name: 'mac-a7' });
});
after(async () => {
  await browser?.stop();
  await fleet?.stop();
});

const names = (page) => page.locator('tbody tr [data-field="name"]').allTextContents();
const count = async (page, of) => Number(await page.locator(`[data-count="${of}"]`).first().textContent());

test('whoever is not signed in sees the login alone', async () => {
  const page = await browser.page(fleet);
  for (const path of ['/', '/causes', '/nodes/a1', '/audit', '/?q=x']) {
    await page.goto(fleet.url + path);
    assert.equal(new URL(page.url()).pathname, '/login', path);
    assert.ok(!(await page.content()).includes('mac-a1'));
  }
  await assertAccessible(page, 'login');
  assertQuiet(page);
});

test('a wrong token is refused in words, and the right one leads to where one wanted to go', async () => {
  const page = await browser.page(fleet);
  await page.goto(`${fleet.url}/?verdict=blocked`);
  await page.getByLabel('token').fill('prv_wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  assert.equal(await page.getByLabel('token').inputValue(), '');
  await assertAccessible(page, 'login-wrong');
  await page.getByLabel('token').fill(fleet.viewer);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('table').waitFor();
  assert.equal(new URL(page.url()).search, '?verdict=blocked');
  const [cookie] = await page.context().cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict', JSON.stringify(cookie));
  // The refusal itself is told on the console by the browser.
  assert.deepEqual(page.said.filter((said) => !/40[013]/.test(said)), []);
});

test('a login leads to nowhere else', async () => {
  for (const next of ['https://evil.example.com/', '//evil.example.com/', '/\\evil.example.com/', '/%09/evil.example.com', 'javascript:alert(1)']) {
    const page = await browser.page(fleet);
    await page.goto(`${fleet.url}/login?next=${encodeURIComponent(next)}`);
    await page.getByLabel('token').fill(fleet.viewer);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL((url) => url.pathname !== '/login');
    assert.equal(new URL(page.url()).origin, fleet.url, next);
    await page.context().close();
  }
});

test('signing out ends it for good', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  const cookies = await page.context().cookies();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(/login/);
  await page.context().addCookies(cookies);
  await page.goto(fleet.url);
  assert.equal(new URL(page.url()).pathname, '/login', 'the old cookie still counts');
});

test('all nodes are there with what stands, the most pressing first', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  const all = await names(page);
  assert.deepEqual([...all].sort(), ['mac-a1', 'mac-a2', 'mac-a3', 'mac-a4', 'mac-a5', 'mac-a6', 'mac-a7']);
  assert.deepEqual(all.slice(0, 3).sort(), ['mac-a3', 'mac-a4', 'mac-a5'], 'blocked nodes come first');
  assert.equal(all.at(-1), 'mac-a1');
  assert.equal(await count(page, 'nodes'), 7);
  assert.equal(await count(page, 'blocked'), 3);
  assert.equal(await count(page, 'ready'), 1);
  const row = page.locator('tr[data-node="a3"]');
  assert.equal(await row.locator('[data-field="cause"]').textContent(), 'port.silent');
  assert.match(await row.textContent(), /25B77/);
  assert.match(await row.textContent(), /2026\.9\.4/);
  await assertAccessible(page, 'list', true);
  assertQuiet(page);
});

test('each filter narrows the list, and they narrow it together', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  const form = page.getByRole('search');
  const filtered = async (fill) => {
    await page.goto(fleet.url);
    await form.evaluate((element) => { for (const more of element.querySelectorAll('details')) more.open = true; });
    await fill();
    await form.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/\?/);
    return (await names(page)).sort();
  };
  assert.deepEqual(await filtered(() => form.getByLabel('Search').fill('a3')), ['mac-a3']);
  assert.deepEqual(await filtered(() => form.locator('[name=verdict]').selectOption('blocked')), ['mac-a3', 'mac-a4', 'mac-a5']);
  assert.deepEqual(await filtered(() => form.locator('[name=cause]').fill('port.silent')), ['mac-a3', 'mac-a5']);
  assert.deepEqual(await filtered(() => form.locator('[name=build]').fill('24G325')), ['mac-a6']);
  assert.deepEqual(await filtered(() => form.locator('[name=openclaw]').fill('2026.9.4')), ['mac-a3', 'mac-a5']);
  const both = await filtered(async () => {
    await form.locator('[name=verdict]').selectOption('blocked');
    await form.locator('[name=build]').fill('25B77');
  });
  assert.deepEqual(both, ['mac-a3', 'mac-a4']);
  assert.deepEqual(await filtered(() => form.getByLabel('Search').fill('no such node')), []);
  await assertAccessible(page, 'list-empty');
  await page.getByRole('link', { name: 'Clear' }).click();
  assert.equal((await names(page)).length, 7);
  assertQuiet(page);
});

test('each column sorts, both ways, and says so', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  const heads = await page.locator('thead th a').allTextContents();
  assert.ok(heads.length >= 7, heads.join());
  for (let place = 0; place < heads.length; place += 1) {
    const head = page.locator('thead th').nth(place);
    await head.locator('a').click();
    const one = await head.getAttribute('aria-sort');
    const first = await names(page);
    await head.locator('a').click();
    const other = await head.getAttribute('aria-sort');
    assert.deepEqual([one, other].sort(), ['ascending', 'descending'], heads[place]);
    assert.equal(first.length, (await names(page)).length, heads[place]);
  }
  await page.goto(`${fleet.url}/?sort=node`);
  const up = await names(page);
  await page.goto(`${fleet.url}/?sort=node&order=desc`);
  assert.deepEqual(await names(page), [...up].reverse());
  assertQuiet(page);
});

test('news come without a reload, and the focus stays where it is', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  await page.getByText('Live', { exact: true }).waitFor();
  const name = page.locator('tr[data-node="a1"] [data-field="name"]');
  await name.focus();
  await page.evaluate(() => { window.sameDocument = true; });
  await nodes.a1.report('silent');
  await page.locator('tr[data-node="a1"][data-verdict="blocked"]').waitFor();
  await until('the count of blocked nodes', async () => (await count(page, 'blocked')) === 4);
  assert.equal(await page.locator('tr[data-node="a1"] [data-field="cause"]').textContent(), 'port.silent');
  assert.ok(await name.evaluate((element) => element === document.activeElement), 'the focus moved');
  assert.match(await page.locator('#announce').textContent(), /mac-a1 is now blocked/);
  assert.ok(await page.evaluate(() => window.sameDocument), 'the page was loaded anew');
  await nodes.a1.report('ready');
  await page.locator('tr[data-node="a1"][data-verdict="ready"]').waitFor();
  await until('the count of blocked nodes', async () => (await count(page, 'blocked')) === 3);
  assertQuiet(page);
});

test('a page finds the server again after its restart', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  await page.getByText('Live', { exact: true }).waitFor();
  const address = new URL(fleet.url).host;
  const ended = new Promise((resolve) => { fleet.server.once('exit', resolve); });
  fleet.server.kill('SIGKILL');
  await ended;
  await page.getByText(/Not live/).waitFor();
  await fleet.serve(address);
  await page.getByText('Live', { exact: true }).waitFor();
  await nodes.a2.report('silent');
  await page.locator('tr[data-node="a2"][data-verdict="blocked"]').waitFor();
  await nodes.a2.report('degraded');
  await page.locator('tr[data-node="a2"][data-verdict="degraded"]').waitFor();
});

test('all but the news works without a script', async () => {
  const page = await browser.page(fleet, null, { javaScriptEnabled: false });
  await signIn(page, fleet.viewer);
  assert.equal((await names(page)).length, 7);
  await page.getByRole('search').locator('[name=verdict]').selectOption('blocked');
  await page.getByRole('button', { name: 'Show' }).click();
  assert.equal((await names(page)).length, 3);
  await page.locator('thead th a').first().click();
  await page.locator('tbody tr a').first().click();
  assert.match(new URL(page.url()).pathname, /^\/nodes\//);
  for (const link of await page.locator('nav a').evaluateAll((all) => all.map((one) => one.href))) {
    assert.equal((await page.goto(link)).status(), 200, link);
  }
  await page.getByRole('button', { name: 'Sign out' }).click();
  assert.match(page.url(), /login/);
});

test('the keyboard reaches everything, and one sees where one is', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  await page.goto(fleet.url);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.goto(fleet.url);
  const wanted = await page.locator('a[href]:visible, button:visible, input:visible:not([type=hidden]), select:visible, summary:visible').count();
  const seen = new Set();
  for (let turn = 0; turn < wanted + 20; turn += 1) {
    await page.keyboard.press('Tab');
    const [key, visible] = await page.evaluate(() => {
      const all = [...document.querySelectorAll('*')];
      const style = getComputedStyle(document.activeElement);
      const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0;
      return [all.indexOf(document.activeElement), ring || style.boxShadow !== 'none' || document.activeElement === document.body];
    });
    assert.ok(visible, `the focus is not seen: ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 200))}`);
    seen.add(key);
  }
  assert.ok(seen.size >= wanted, `${seen.size} of ${wanted} are reached`);
  await page.getByRole('search').getByLabel('Search').focus();
  await page.keyboard.type('a3');
  await page.keyboard.press('Enter');
  await page.waitForURL(/q=a3/);
  assert.deepEqual(await names(page), ['mac-a3']);
  await page.locator('tbody a').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/nodes\/a3/);
  assertQuiet(page);
});
