// Pins, bans and edits at a step, and the requests of the forks that follow from them.
import assert from 'node:assert/strict';
import { assertQuiet, cells, finished, mock, mockTest, open, posted, runToEnd, seek } from './harness.mjs';

const MASK = 0;
const TEXT = 'a = <fill:6>;\n';

async function start() {
  const page = await open();
  await page.fill('#text', TEXT);
  mock.settings.script = { tokens: [' one', ' two', ' three', ' four', ' five', ' six'], others: [' alpha', ' beta', ' gamma'] };
  await runToEnd(page);
  return page;
}

const idOf = token => mock.vocabulary.idOf(token);
const lastFork = () => posted('/v1/infill').at(-1);
const choose = (page, text) => page.locator('#popover .candidate', { hasText: text }).click();

mockTest('a run asks for steps and alternatives, and for no field that was not changed', async () => {
  await start();
  const [body] = posted('/v1/infill');
  const segments = ['a = ', { hole: { max_tokens: 6 } }, ';\n'];
  assert.deepEqual(body, { model: 'csharp-12m', segments, stream: true, stream_options: { include_steps: true }, alternatives: 6 });
  assertQuiet();
});

mockTest('pinning an alternative at a step sends the canvas of that step and the pin', async () => {
  const page = await start();
  await seek(page, 2);
  const position = Number(await cells(page).nth(4).getAttribute('data-position'));
  const shown = await cells(page).evaluateAll(nodes => nodes.map(node => node.textContent));
  await cells(page).nth(4).click();
  await choose(page, '␣beta');
  await page.click('#popover >> text=Pin');
  assert.match(await page.textContent('#pending'), new RegExp(`pin.*␣beta.*at ${position}`));
  await page.click('#pending .primary');
  await finished(page);
  const { canvas, pins, bans, seed, ...rest } = lastFork();
  assert.deepEqual(rest, posted('/v1/infill')[0]);
  assert.equal(seed, 4711);
  assert.deepEqual(pins, [{ position, token: idOf(' beta') }]);
  assert.equal(bans, undefined);
  const expected = shown.map(text => text === '' ? MASK : idOf(mock.settings.script.tokens.find(token => token.trim() === text.trim())));
  assert.ok(expected.includes(MASK) && expected.some(id => id !== MASK));
  assert.deepEqual(canvas.ids.slice(position - 4, position + 2), expected.with(4, idOf(' beta')));
  assert.equal(await cells(page).nth(4).textContent(), ' beta');
  assertQuiet();
});

mockTest('banning a settled token masks it again and another comes', async () => {
  const page = await start();
  const position = Number(await cells(page).nth(1).getAttribute('data-position'));
  const token = await cells(page).nth(1).textContent();
  await cells(page).nth(1).click();
  await page.click('#popover >> text=Ban');
  await page.click('#pending .primary');
  await finished(page);
  const { canvas, pins, bans } = lastFork();
  assert.deepEqual(bans, [{ position, tokens: [idOf(token)] }]);
  assert.equal(pins, undefined);
  assert.deepEqual(canvas.ids.flatMap((id, i) => id === MASK ? [i] : []), [position]);
  assert.notEqual(await cells(page).nth(1).textContent(), token);
  assertQuiet();
});

mockTest('an edit takes one token, and says so otherwise', async () => {
  const page = await start();
  await seek(page, 1);
  await cells(page).nth(2).click();
  await page.click('#popover >> text=Edit');
  await page.fill('#popover .edit input', ' two words');
  await page.click('#popover .edit button');
  await page.waitForFunction(() => /Expected one token, found 2/.test(document.querySelector('.problem').textContent));
  await page.fill('#popover .edit input', ' mine');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#pending .chip');
  assert.deepEqual(posted('/tokenize').at(-1), { content: ' mine' });
  await page.click('#pending .primary');
  await finished(page);
  assert.equal(await cells(page).nth(2).textContent(), ' mine');
  assert.deepEqual(lastFork().pins.map(pin => pin.token), [idOf(' mine')]);
  assertQuiet();
});

mockTest('a fork of a fork keeps what was pinned, and a change can be taken back', async () => {
  const page = await start();
  await seek(page, 1);
  for (const [index, text] of [[0, '␣alpha'], [5, '␣gamma']]) {
    await cells(page).nth(index).click();
    await choose(page, text);
    await page.click('#popover >> text=Pin');
  }
  await page.locator('#pending .chip button').last().click();
  await page.click('#pending .primary');
  await finished(page);
  await seek(page, 1);
  await cells(page).nth(3).click();
  await choose(page, '␣beta');
  await page.click('#popover >> text=Pin');
  await page.click('#pending .primary');
  await finished(page);
  assert.deepEqual(lastFork().pins.map(pin => pin.token), [idOf(' alpha'), idOf(' beta')]);
  assert.equal(await page.textContent('[role=tab][aria-selected=true]'), 'run 1 ▸ step 1 ▸ step 1');
  assertQuiet();
});

mockTest('what was noted can be pressed while steps arrive', async () => {
  const page = await open();
  await page.fill('#text', TEXT);
  mock.settings.pause = 300;
  await page.click('#run');
  await page.waitForFunction(() => /^step 2 of/.test(document.querySelector('.timeline-label').textContent));
  await page.click('[aria-label="Step back"]');
  await cells(page).first().click();
  await page.click('#popover >> text=Ban');
  const button = await page.locator('#pending .primary').elementHandle();
  await page.waitForFunction(() => /^Done/.test(document.querySelector('#status').textContent));
  assert.equal(await button.evaluate(node => node.isConnected), true);
  assert.match(await button.textContent(), /^Re-run from step [12]$/);
  await button.click();
  await finished(page);
  assert.equal(lastFork().bans.length, 1);
  assertQuiet();
});

mockTest('two forks are compared, and what differs is marked in both', async () => {
  const page = await start();
  await cells(page).nth(1).click();
  await page.click('#popover >> text=Ban');
  await page.click('#pending .primary');
  await finished(page);
  await page.selectOption('#compare', { label: 'run 1' });
  for (const lane of [0, 1]) {
    assert.equal(await page.locator('.canvas').nth(lane).locator('.differs').count(), 1);
  }
  assert.match(await page.textContent('#status'), /^1 position differs/);
  await page.selectOption('#compare', { label: 'nothing' });
  assert.equal(await page.locator('.lane:not([hidden])').count(), 1);
  assertQuiet();
});

mockTest('a re-run with nothing to denoise is explained instead of sent', async () => {
  const page = await start();
  await cells(page).nth(1).click();
  await page.click('#popover .rerun');
  assert.match(await page.textContent('#notice'), /Nothing is masked here/);
  assert.equal(posted('/v1/infill').length, 1);
  assertQuiet();
});

mockTest('the end of a hole cannot be pinned', async () => {
  const page = await start();
  mock.settings.script = { tokens: [' one'], others: ['<|pad|>', ' two'] };
  await runToEnd(page);
  await cells(page).first().click();
  await choose(page, '<|pad|>');
  await page.click('#popover >> text=Pin');
  assert.match(await page.textContent('#notice'), /cannot be pinned/);
  assert.equal(await page.isVisible('#pending'), false);
  assertQuiet();
});

mockTest('the popover tells the token, the step it came in and how sure it was, with bars', async () => {
  const page = await start();
  await cells(page).nth(3).hover();
  await page.waitForSelector('#popover .candidate');
  assert.match(await page.textContent('.popover-story'), /^Committed in step \d+, \d+\.\d % sure\.$|^Replaced in step/);
  const bars = page.locator('#popover .bar');
  const shares = await bars.evaluateAll(nodes => nodes.map(bar => parseFloat(bar.style.getPropertyValue('--share'))));
  assert.deepEqual(shares, [...shares].sort((a, b) => b - a));
  await page.mouse.move(5, 5);
  await page.waitForSelector('#popover', { state: 'hidden' });
  assertQuiet();
});
