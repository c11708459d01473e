// What must work with any server, the mock or a real one: run, watch, scrub, look at alternatives, pin and re-run, copy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertQuiet, canvasText, cells, finished, label, masks, open, runToEnd, toStart } from './harness.mjs';

const TEXT = 'public int Add(int a, int b)\n{\n    return <fill:4>;\n}\n';

test('the first view shows an example with masks where its holes are', async () => {
  const page = await open();
  assert.match(await page.inputValue('#text'), /<fill/);
  assert.ok(await masks(page) > 3);
  assert.match(await page.textContent('.lead'), /masks/);
  assert.equal(await page.isVisible('#run'), true);
  assertQuiet();
});

test('a hole is filled, and the text around it stays', async () => {
  const page = await open();
  await page.fill('#text', TEXT);
  assert.equal(await masks(page), 4);
  await runToEnd(page);
  assert.equal(await masks(page), 0);
  const text = await canvasText(page);
  assert.ok(text.startsWith('public int Add(int a, int b)\n{\n    return '));
  assert.ok(text.endsWith(';\n}\n'));
  assert.match(await label(page), /^step (\d+) of \1 · \d+ pass(es)? · \d+ tokens? · \d+\.\d\d s$/);
  assertQuiet();
});

test('the timeline goes back to the masks and forward again', async () => {
  const page = await open();
  await page.fill('#text', TEXT);
  await runToEnd(page);
  const text = await canvasText(page);
  await toStart(page);
  assert.equal(await masks(page), 4);
  assert.match(await label(page), /^step 0 of/);
  await page.click('[aria-label="Step forward"]');
  assert.ok(await masks(page) < 4);
  await page.click('[aria-label="Play"]');
  await page.waitForSelector('[aria-label="Play"]');
  assert.equal(await canvasText(page), text);
  assertQuiet();
});

test('a position shows its alternatives, and a pinned one stands in the fork', async () => {
  const page = await open();
  await page.fill('#text', TEXT);
  await runToEnd(page);
  await cells(page).first().click();
  const others = page.locator('#popover .candidate:not(.current)').filter({ hasNotText: '<' });
  const token = await others.first().locator('code').textContent();
  await others.first().click();
  await page.click('#popover >> text=Pin');
  await toStart(page);
  await page.click('#pending .primary');
  await finished(page);
  assert.equal(await page.textContent('[role=tab][aria-selected=true]'), 'run 1 ▸ step 0');
  assert.equal((await cells(page).first().textContent()).trim(), token.replaceAll('␣', ' ').replaceAll('↵', '\n').trim());
  assert.match(await cells(page).first().getAttribute('class'), /pinned/);
  assertQuiet();
});

test('a text without a hole is continued', async () => {
  const page = await open();
  await page.fill('#text', 'public static int Max(int a, int b)\n{\n');
  await page.click('#settings summary');
  await page.fill('#field-max_tokens', '12');
  await runToEnd(page);
  const text = await canvasText(page);
  assert.ok(text.startsWith('public static int Max(int a, int b)\n{\n'));
  assert.equal(await masks(page), 0);
  assertQuiet();
});


test('the theme goes from automatic to light to dark and stays', async () => {
  const page = await open({ colorScheme: 'dark' });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.click('#theme');
  const light = await ground();
  assert.notEqual(light, dark);
  await page.reload();
  assert.equal(await ground(), light);
  await page.click('#theme');
  assert.equal(await ground(), dark);
  await page.click('#theme');
  assert.equal(await page.textContent('#theme'), '◐ Auto');
  assertQuiet();
});
