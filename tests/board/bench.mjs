// A fleet with nodes that report, and a browser that looks at it: what all tests of the board share.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { logs, metrics } from './otlp.mjs';

const LIMIT = 20_000;
const root = fileURLToPath(new URL('../../', import.meta.url));
const named = (variable) => {
  assert.ok(process.env[variable], `${variable} is not set: run \`scripts/test --only board\``);
  return process.env[variable];
};
// The modules lie outside of the checkout's own folders: scripts/browser brings them.
const modules = createRequire(join(named('PORTREEVE_BROWSER'), 'package.json'));
const { chromium } = modules('playwright-core');
const { AxeBuilder } = modules('@axe-core/playwright');

/** Waits until `ask` gives something. */
export async function until(what, ask) {
  const deadline = Date.now() + LIMIT;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    assert.ok(Date.now() < deadline, `${what}: not within ${LIMIT / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The report on kept facts of `agent/portreeve/tests/fixtures`, as `portreeve check` makes it. */
export function report(facts) {
  const file = join(root, 'agent/portreeve/tests/fixtures', `${facts}.json`);
  try {
    return JSON.parse(execFileSync(named('PORTREEVE_BIN'), ['check', '--from', file, '--json'], { encoding: 'utf8', env: {} }));
  } catch (error) {
    // The exit status is the verdict.
    return JSON.parse(error.stdout);
  }
}

/** A server with data of its own, and the two people who look at it. */
export class Fleet {
  static async start() {
    const fleet = new Fleet();
    fleet.folder = mkdtempSync(join(tmpdir(), 'portreeve-board-'));
    fleet.viewer = fleet.run('viewer', 'add', 'vera');
    fleet.operator = fleet.run('viewer', 'add', 'otto', '--role', 'operator');
    await fleet.serve();
    return fleet;
  }

  run(...words) {
    const output = execFileSync(named('PORTREEVE_FLEET_BIN'), ['--data', join(this.folder, 'data'), ...words], { encoding: 'utf8' });
    return output.trim();
  }

  async serve(address = '127.0.0.1:0') {
    const words = ['--data', join(this.folder, 'data'), 'serve', '--listen', address];
    this.server = spawn(named('PORTREEVE_FLEET_BIN'), words, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.log = '';
    let said = '';
    this.server.stdout.on('data', (text) => { said += text; });
    this.server.stderr.on('data', (text) => { this.log += text; });
    this.url = await until('the start of the server', () => {
      assert.equal(this.server.exitCode, null, this.log);
      return /listening at (\S+)/.exec(said)?.[1];
    });
  }

  async stop() {
    const ended = new Promise((resolve) => { this.server.once('exit', resolve); });
    this.server.kill('SIGTERM');
    await ended;
    assert.ok(!this.log.includes('panicked'), this.log);
    rmSync(this.folder, { recursive: true });
  }

  async post(path, body, headers) {
    const answer = await fetch(this.url + path, { method: 'POST', body, headers });
    return { status: answer.status, text: await answer.text() };
  }

  /** Gives a node its credential. */
  async enrol(node) {
    const asks = { code: this.run('code', 'create'), node: node.id, name: node.name, hostname: node.hostname ?? node.id, agent_version: node.agent_version ?? '0.1.0' };
    const answer = await this.post('/v1/enrol', JSON.stringify(asks), { 'content-type': 'application/json' });
    assert.equal(answer.status, 200, answer.text);
    const granted = JSON.parse(answer.text);
    const attributes = {
      'service.name': 'portreeve', 'service.version': asks.agent_version, 'service.instance.id': node.id, 'host.id': node.id,
      'host.name': asks.hostname, 'host.arch': 'arm64', 'os.type': 'darwin', 'os.name': 'macOS', 'os.version': '26.1', 'os.build_id': '25B78',
      ...node.resource,
    };
    const send = async (path, body) => {
      const headers = { authorization: `Bearer ${granted.token}`, 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' };
      return this.post(path, body, headers);
    };
    const accepted = async (path, body) => {
      const answer = await send(path, body);
      assert.equal(answer.status, 200, answer.text);
    };
    return {
      ...granted,
      id: node.id,
      /** Sends events, each of which must be taken. */
      tell: (...events) => accepted('/v1/logs', logs(attributes, events)),
      measure: (...list) => accepted('/v1/metrics', metrics(attributes, list)),
      /** Sends whatever it is; the answer. */
      tryTell: (...events) => send('/v1/logs', logs(attributes, events)),
      tryMeasure: (...list) => send('/v1/metrics', metrics(attributes, list)),
      /** Sends a report as a node does. */
      async report(facts, change = () => {}) {
        const body = typeof facts === 'string' ? report(facts) : facts;
        body.generated_at = new Date().toISOString();
        body.node.id = node.id;
        body.node.hostname = asks.hostname;
        change(body);
        await this.tell({ name: 'portreeve.report', body });
        return body;
      },
    };
  }
}

/** A browser in which nothing may be said on the console and no policy may be violated. */
export class Browser {
  static async start() {
    const browser = new Browser();
    browser.chromium = await chromium.launch({
      executablePath: process.env.PATH.split(':').map((folder) => join(folder, 'chromium')).find(existsSync),
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    return browser;
  }

  async stop() {
    await this.chromium.close();
  }

  /** A page of somebody who is signed in with this token, if one is named. */
  async page(fleet, token, options = {}) {
    const context = await this.chromium.newContext({ reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    page.said = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) page.said.push(`${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', (error) => page.said.push(String(error)));
    page.on('dialog', (dialog) => { page.said.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on('request', (request) => {
      if (!request.url().startsWith(fleet.url)) page.said.push(`a request to ${request.url()}`);
    });
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    });
    page.fleet = fleet;
    if (token) await signIn(page, token);
    return page;
  }
}

/** Signs in through the form. */
export async function signIn(page, token) {
  await page.goto(`${page.fleet.url}/login`);
  await page.getByLabel('token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL((url) => !url.pathname.startsWith('/login'));
}

/** That nothing was said on the console, no policy violated and nothing asked of another server. */
export function assertQuiet(page) {
  assert.deepEqual(page.said, []);
}

/** That axe finds nothing serious or worse, wide and light as on a phone and dark, or `fully` in all four; and that nothing is wider than the phone. */
export async function assertAccessible(page, name, fully = false) {
  const sizes = [{ width: 1280, height: 900 }, { width: 360, height: 740 }];
  for (const [place, size] of sizes.entries()) {
    for (const colorScheme of fully ? ['light', 'dark'] : [['light', 'dark'][place]]) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const result = await new AxeBuilder({ page }).analyze();
      const bad = result.violations.filter((violation) => ['serious', 'critical'].includes(violation.impact));
      const told = bad.map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
      assert.deepEqual(told, [], `${name}, ${colorScheme}, ${size.width} px`);
      await keep(page, `${name}-${size.width}-${colorScheme}`);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name} is ${wide} px wider than ${size.width} px`);
  }
  await page.setViewportSize(sizes[0]);
}

/** A picture, where PORTREEVE_SCREENSHOTS names a folder. */
async function keep(page, name) {
  const folder = process.env.PORTREEVE_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

