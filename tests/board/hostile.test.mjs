// A node that writes scripts and markup into every field that it controls: all of it is text on every page.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Browser, Fleet, assertQuiet, report } from './bench.mjs';

let fleet;
let browser;
let node;

// Breaks out of text, of attributes with either quote and none, of scripts, styles, comments, JSON, SVG, server-sent events and templates.
const ATTACKS = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' autofocus onfocus=alert(1) x='",
  '</title></style></textarea></script><svg onload=alert(1)>',
  ']]>--><svg><script>alert(1)</script></svg>',
  'javascript:alert(1)//',
  '{{7*7}}${7*7}<%= 7*7 %>',
  '\u2028data: x\n\nevent: row\ndata: {}',
  '\u202e\u0000\u001b[31m\ud800',
];
const all = ATTACKS.join(' ').toWellFormed();

/** Every text of a report replaced, but for what decides how it is read. */
const KEPT = new Set(['schema', 'verdict', 'severity', 'layer', 'state', 'rung', 'role', 'kind', 'generated_at', 'observed_at', 'since', 'at', 'started_at']);
function poison(value, key) {
  if (typeof value === 'string') return KEPT.has(key) ? value : all;
  if (Array.isArray(value)) return (value.length ? value : [all]).map((item) => poison(item, key));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, poison(item, name)]));
  }
  return value;
}

before(async () => {
  fleet = await Fleet.start();
  browser = await Browser.start();
  node = await fleet.enrol({
    id: 'h1', name: '<img src=x onerror=alert(1)>', hostname: '"><script>alert(1)</script>', agent_version: '<svg onload=alert(1)>',
    resource: { 'portreeve.node.name': all, 'os.version': all, 'os.build_id': all, 'host.arch': all },
  });
  for (const facts of ['containers', 'split', 'silent']) {
    const hostile = poison(report(facts));
    hostile.node.id = 'h1';
    hostile.quarantine = { since: new Date().toISOString(), attempts: 3, reasons: [all, all], needs_consent: true };
    hostile.accepted = { at: new Date().toISOString(), by: all, os_build: all };
    hostile.maintenance = { until: new Date(Date.now() + 3_600_000).toISOString(), reason: all, by: all, since: new Date().toISOString() };
    hostile.verdict = 'blocked';
    hostile.generated_at = new Date().toISOString();
    await node.tell({ name: 'portreeve.report', body: hostile });
  }
  const at = Date.now();
  for (const name of ['portreeve.verdict.changed', 'portreeve.finding.opened', 'portreeve.finding.closed', 'portreeve.image.changed', 'portreeve.acceptance.finished', 'portreeve.agent.started', all.slice(0, 150)]) {
    await node.tryTell({ name, body: { from: all, to: all, code: all, key: all, subject: all, summary: all, causes: [{ code: all, subject: all, summary: all }], image: all, by: all }, attributes: { [all]: all } });
  }
  await node.tryTell({ name: 'portreeve.verdict.changed', body: all }, { name: 'portreeve.verdict.changed', body: [all] });
  for (const name of ['portreeve.connection.closes', 'portreeve.lock.wait.p95', 'portreeve.lock.wait', 'portreeve.gateway.restarts', 'portreeve.token.sources', 'portreeve.pairing.attempts', 'portreeve.findings', all.slice(0, 150)]) {
    const short = all.slice(0, 120);
    const attributes = { gateway: short, code: short, reason: short, kind: short, purpose: short, name: short };
    const kind = /closes|restarts|attempts/.test(name) ? 'counter' : /wait$/.test(name) ? 'histogram' : 'gauge';
    for (const turn of [1, 2, 3]) {
      const value = kind === 'histogram' ? { counts: [turn, turn], offset: -40 } : turn;
      await node.tryMeasure({ name, unit: short, kind, points: [{ value, attributes, start: at - 600_000, at: at - 180_000 + turn * 60_000 }] });
    }
  }
});
after(async () => {
  await browser?.stop();
  await fleet?.stop();
});

const harmless = async (page, path) => {
  // Whatever may be opened is, and whatever may be hovered or focused.
  await page.evaluate(() => {
    for (const one of document.querySelectorAll('details')) one.open = true;
    for (const one of document.querySelectorAll('a, input, [tabindex]')) { one.focus(); one.dispatchEvent(new MouseEvent('mouseover', { bubbles: true })); }
  });
  const found = await page.evaluate(() => {
    const bad = [];
    for (const one of document.querySelectorAll('*')) {
      for (const { name, value } of one.attributes) {
        if (/^on/i.test(name)) bad.push(`${one.tagName} ${name}`);
        if (/^(href|src|action|formaction|xlink:href)$/i.test(name) && /^\s*(javascript|data|vbscript):/i.test(value)) bad.push(`${one.tagName} ${name}=${value.slice(0, 60)}`);
      }
      if (one.tagName === 'SCRIPT' && !one.src) bad.push('an inline script');
      if (one.tagName === 'IMG') bad.push('an image');
    }
    return bad;
  });
  assert.deepEqual(found, [], path);
  assertQuiet(page);
};

test('on no page is anything of it more than text', async () => {
  const page = await browser.page(fleet, fleet.operator);
  const links = await page.locator('nav a').evaluateAll((list) => list.map((one) => new URL(one.href).pathname));
  const paths = ['/', `/?q=${encodeURIComponent(all)}`, `/?cause=${encodeURIComponent('"><script>alert(1)</script>')}&sort=${encodeURIComponent("'><b>")}`, `/?page=%3Cscript%3E`, '/nodes/h1', '/nodes/h1?done=%3Cscript%3Ealert(1)%3C/script%3E', ...links];
  let shown = 0;
  for (const path of new Set(paths)) {
    const answer = await page.goto(fleet.url + path);
    assert.equal(answer.status(), 200, path);
    const policy = answer.headers()['content-security-policy'];
    assert.ok(policy && !/unsafe-inline|unsafe-eval|\*/.test(policy), `${path}: ${policy}`);
    assert.match(policy, /default-src 'none'/);
    await harmless(page, path);
    if ((await page.locator('main').textContent()).includes('alert(1)')) shown += 1;
  }
  assert.ok(shown >= 3, `what it wrote is shown on ${shown} pages`);
});

test('what comes live is text, too', async () => {
  const page = await browser.page(fleet, fleet.viewer);
  for (const path of ['/', '/nodes/h1']) {
    await page.goto(fleet.url + path);
    await page.getByText('Live', { exact: true }).waitFor();
    for (const verdict of ['degraded', 'blocked']) {
      const hostile = poison(report('split'));
      hostile.node.id = 'h1';
      hostile.verdict = verdict;
      hostile.generated_at = new Date().toISOString();
      await node.tell({ name: 'portreeve.report', body: hostile });
      await page.locator(`[data-node="h1"][data-verdict="${verdict}"]`).waitFor();
    }
    await harmless(page, path);
  }
});

test('a form that another site sends decides nothing', async () => {
  const page = await browser.page(fleet, fleet.operator);
  const [cookie] = await page.context().cookies();
  for (const csrf of ['', '&csrf=', '&csrf=x']) {
    for (const [path, body] of [['waive', 'code=x&reason=y&hours=1'], ['maintenance', 'reason=y&hours=1'], ['acknowledge', 'code=x'], ['end', 'kind=waiver&id=1']]) {
      const answer = await fetch(`${fleet.url}/nodes/h1/${path}`, {
        method: 'POST', redirect: 'manual', body: body + csrf,
        headers: { cookie: `${cookie.name}=${cookie.value}`, 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example.com' },
      });
      assert.ok([400, 403, 422].includes(answer.status), `${path}${csrf}: ${answer.status}`);
    }
  }
  const answer = await fetch(`${fleet.url}/`, { headers: { cookie: `${cookie.name}=${cookie.value}` } });
  assert.equal(answer.headers.get('x-frame-options'), 'DENY');
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
});
