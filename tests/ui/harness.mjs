// What the tests share: one browser, one server (the mock, or a real one at CINNABAR_URL), a fresh page for each test that fails the test
// if the browser complained about anything: an exception, an error on the console, a violation of the content security policy.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { startMock } from './mock-server.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PATIENCE_MS = 10_000;

export const realServer = process.env.CINNABAR_URL;
export let mock = null;
let browser;
let context = null;
let complaints = [];

before(async () => {
  mock = realServer ? null : await startMock();
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
});

afterEach(async () => {
  await context?.close();
  context = null;
  mock?.reset();
});

after(async () => {
  await browser.close();
  await mock?.close();
});

/** A test that needs the mock; skipped against a real server. */
export const mockTest = (name, body) => test(name, { skip: realServer ? 'needs the mock' : false }, body);

/**
 * Opens the page. `expected` is what the console may say, for tests of failures that the browser reports by itself; `before` a function
 * that runs in the page before any of its scripts.
 */
export async function open({ width = 1400, height = 900, hash = '', expected = null, ready = true, before = null, ...options } = {}) {
  context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce', ...options });
  if (before) {
    await context.addInitScript(before);
  }
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  complaints = [];
  page.on('pageerror', error => complaints.push(String(error)));
  page.on('console', message => {
    const isComplaint = ['error', 'warning'].includes(message.type()) && !expected?.test(message.text());
    isComplaint && complaints.push(message.text());
  });
  page.on('request', request => {
    const url = request.url();
    const isOwn = url.startsWith(realServer ?? mock.url) || url.startsWith('data:');
    isOwn || complaints.push(`a request to ${url}`);
  });
  await page.goto(`${realServer ?? mock.url}/${hash}`);
  if (ready) {
    await page.waitForSelector('#model:not(:disabled)').catch(error => {
      throw new Error(`the page did not get ready: ${complaints.join('; ')}`, { cause: error });
    });
  }
  return page;
}

/** Fails if the browser has complained; the last line of every test. */
export function assertQuiet() {
  assert.deepEqual(complaints, []);
}

export async function runToEnd(page) {
  await page.click('#run');
  await finished(page);
}

export async function finished(page) {
  await page.waitForFunction(() => !document.querySelector('#run').classList.contains('stop'));
  await page.waitForFunction(() => document.querySelector('.timeline-buttons button:last-child').disabled);
}

/** Goes back to the canvas before the first step. */
export async function toStart(page) {
  await page.focus('#timeline input');
  while (!await page.isDisabled('[aria-label="Step back"]')) {
    await page.keyboard.press('ArrowLeft');
  }
}

export async function seek(page, step) {
  await toStart(page);
  for (let i = 0; i < step; i++) {
    await page.keyboard.press('ArrowRight');
  }
}

export const label = page => page.textContent('.timeline-label');
export const canvasText = (page, lane = 0) => page.locator('.canvas').nth(lane).textContent();
export const cells = (page, lane = 0) => page.locator('.canvas').nth(lane).locator('[data-position]:not([hidden])');
export const masks = page => page.locator('.canvas').first().locator('.mask').count();

/** The bodies that were posted to a path. */
export const posted = path => mock.requests.filter(({ method, path: at }) => method === 'POST' && at === path).map(({ body }) => body);
