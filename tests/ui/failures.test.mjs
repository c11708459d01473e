// What the page says when something goes wrong, in the server's own words, and that it goes on afterwards.
import assert from 'node:assert/strict';
import { assertQuiet, finished, masks, mock, mockTest, open, posted, runToEnd } from './harness.mjs';

const BROWSER_SAYS = /Failed to load resource/;
const notice = page => page.textContent('#notice p');
const noticed = (page, pattern) =>
  page.waitForFunction(source => new RegExp(source).test(document.querySelector('#notice').textContent), pattern);

mockTest('a refusal shows the sentence and the field', async () => {
  const page = await open({ expected: BROWSER_SAYS });
  const error = { message: 'Expected steps to be 1 … 1048576, found 0.', type: 'invalid_request_error', param: 'steps' };
  mock.settings.failures = [{ at: '/v1/infill', status: 400, error }];
  await page.click('#run');
  await noticed(page, 'Expected steps');
  assert.equal(await notice(page), 'Expected steps to be 1 … 1048576, found 0. (steps)');
  await runToEnd(page);
  assert.equal(await page.isVisible('#notice'), false);
  assertQuiet();
});

mockTest('a busy server is asked again when it said so', async () => {
  const page = await open({ expected: BROWSER_SAYS });
  const error = { message: 'Expected fewer than 64 waiting requests.', type: 'overloaded_error' };
  mock.settings.failures = [{ at: '/v1/infill', status: 429, error, headers: { 'Retry-After': '1' } }];
  await page.click('#run');
  await noticed(page, 'Try again in 1 s');
  assert.equal(await page.isDisabled('#notice button'), true);
  // What changes every second is no part of what is read aloud.
  assert.deepEqual(await page.locator('[role=alert]:visible').allTextContents(), [error.message]);
  await page.click('#notice button:not(:disabled)');
  await finished(page);
  assert.equal(await masks(page), 0);
  assertQuiet();
});

mockTest('a server with a key asks for it, and the tab keeps it', async () => {
  mock.settings.key = 'secret';
  const page = await open({ expected: BROWSER_SAYS, ready: false });
  await page.waitForSelector('#key-dialog[open]');
  await page.fill('#key', 'wrong');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('#key').value === '');
  await page.fill('#key', 'secret');
  await page.click('#key-dialog >> text=Use this key');
  await page.waitForSelector('#model:not(:disabled)');
  await runToEnd(page);
  assert.equal(mock.requests.at(-1).key, 'Bearer secret');
  await page.click('#code');
  const code = await page.textContent('#code-curl') + await page.textContent('#code-csharp');
  assert.equal(code.includes('secret'), false);
  assert.equal(code.match(/CINNABAR_API_KEY/g).length, 2);
  assertQuiet();
});

mockTest('a key that no header can carry is not kept', async () => {
  mock.settings.key = 'secret';
  const page = await open({ expected: BROWSER_SAYS, ready: false });
  await page.waitForSelector('#key-dialog[open]');
  for (const wrong of ['sécret', 'secret→', 'two words', ' ']) {
    await page.fill('#key', wrong);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#key-problem:not(:empty)');
    assert.match(await page.textContent('#key-problem'), /^Expected a key of/);
    assert.equal(await page.isVisible('#key-dialog'), true);
  }
  assert.equal(mock.requests.length, 1);
  await page.fill('#key', ' secret ');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#model:not(:disabled)');
  assert.equal(mock.requests.at(-1).key, 'Bearer secret');
  assertQuiet();
});

mockTest('a browser that blocks storage keeps key and theme as long as the page', async () => {
  mock.settings.key = 'secret';
  const block = () => {
    for (const name of ['localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, { get() {
        throw new DOMException('Access is denied for this document.', 'SecurityError');
      } });
    }
  };
  const page = await open({ expected: BROWSER_SAYS, ready: false, before: block });
  await page.waitForSelector('#key-dialog[open]');
  await page.fill('#key', 'secret');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#model:not(:disabled)');
  await runToEnd(page);
  assert.equal(mock.requests.at(-1).key, 'Bearer secret');
  await page.click('#theme');
  assert.equal(await page.textContent('#theme'), '☀ Light');
  assertQuiet();
});

mockTest('a server that is unavailable for now is asked again', async () => {
  const error = { message: 'Expected a running server, found it stopping. Try again later.', type: 'unavailable_error' };
  mock.settings.failures = [{ at: '/v1/models', status: 503, error }];
  const page = await open({ expected: BROWSER_SAYS, ready: false });
  await noticed(page, 'found it stopping');
  await page.waitForSelector('#model:not(:disabled)');
  assert.equal(await page.isVisible('#notice'), false);
  assertQuiet();
});

mockTest('a server that stops and is gone for a while is asked until it is back', async () => {
  const error = { message: 'Expected a running server, found it stopping. Try again later.', type: 'unavailable_error' };
  mock.settings.failures = [{ at: '/v1/models', status: 503, error }];
  const page = await open({ expected: BROWSER_SAYS, ready: false });
  await noticed(page, 'found it stopping');
  let isBack = false;
  let asked = 0;
  await page.route('**/v1/models', route => {
    asked++;
    return isBack ? route.continue() : route.abort('connectionrefused');
  });
  await noticed(page, 'cannot be reached.*goes on by itself');
  await page.focus('#notice button');
  await page.waitForTimeout(2500);
  assert.ok(asked >= 2);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Try again');
  isBack = true;
  await page.waitForSelector('#model:not(:disabled)');
  assert.equal(await page.isVisible('#notice'), false);
  assertQuiet();
});

mockTest('a server that is gone is said to be gone', async () => {
  const page = await open({ expected: BROWSER_SAYS });
  await page.route('**/v1/infill', route => route.abort('connectionrefused'), { times: 1 });
  await page.click('#run');
  await noticed(page, 'cannot be reached');
  await page.click('#notice button');
  await finished(page);
  assert.equal(await masks(page), 0);
  assertQuiet();
});

mockTest('a stream that breaks off is not taken for a finished text', async () => {
  const page = await open({ expected: BROWSER_SAYS });
  mock.settings.cutAfter = 3;
  await page.click('#run');
  await noticed(page, 'The (connection ended|stream broke)');
  // The label is drawn with the next frame.
  await page.waitForFunction(() => /^step (\d) of \1 /.test(document.querySelector('.timeline-label').textContent), null, { timeout: 5000 });
  assert.match(await page.textContent('#status'), /^Ended by an error\./);
  assertQuiet();
});

mockTest('settings that are no numbers, and an empty text, are not sent', async () => {
  const page = await open();
  await page.click('#settings summary');
  await page.fill('#field-threshold', '2');
  await page.click('#run');
  assert.equal(await notice(page), 'Expected Threshold to be from 0 to 1, found 2.');
  await page.click('#reset');
  await page.fill('#field-remask_below', '1');
  await page.click('#run');
  assert.equal(await notice(page), 'Expected Re-mask below to be from 0 to less than 1, found 1.');
  await page.click('#reset');
  await page.fill('#text', '  ');
  await page.click('#run');
  assert.match(await notice(page), /Type a text first/);
  assert.equal(posted('/v1/infill').length, 0);
  assertQuiet();
});
