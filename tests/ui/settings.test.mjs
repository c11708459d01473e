// Settings, the address that keeps them, code to copy, the keyboard, two widths, contrast in both themes.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { assertQuiet, canvasText, cells, finished, label, mock, mockTest, open, posted, runToEnd } from './harness.mjs';
import { lowContrast } from './contrast.mjs';

mockTest('changed settings are sent, marked, kept in the address and can be reset', async () => {
  const page = await open();
  await page.click('#settings summary');
  await page.selectOption('#field-remasking', 'entropy');
  await page.fill('#field-steps', '8');
  await page.fill('#field-temperature', '0.7');
  await page.fill('#field-seed', '42');
  await page.check('#field-exact');
  await runToEnd(page);
  const [body] = posted('/v1/infill');
  assert.deepEqual([body.remasking, body.steps, body.temperature, body.seed, body.threshold], ['entropy', 8, 0.7, 42, undefined]);
  assert.ok(body.segments.filter(segment => segment.hole).every(({ hole }) => hole.exact === true));
  assert.equal(await page.textContent('#changed'), '5 changed');
  assert.equal(await page.locator('.field.changed').count(), 5);
  assert.equal(new URL(page.url()).hash, '#remasking=entropy&steps=8&temperature=0.7&seed=42&exact=true');
  await page.click('#reset');
  assert.equal(new URL(page.url()).hash, '');
  assert.equal(await page.locator('.field.changed').count(), 0);
  assertQuiet();
});

for (const kind of ['uniform', 'latent']) {
  mockTest(`a model whose noise is ${kind} is sent only what it knows`, async () => {
    const [first] = mock.settings.models;
    mock.settings.models = [{ ...first, cinnabar: { ...first.cinnabar, kind } }];
    const page = await open({ hash: '#steps=8&temperature=0.7&threshold=0.5&seed=42' });
    await runToEnd(page);
    const [body] = posted('/v1/infill');
    assert.deepEqual([body.steps, body.seed], [8, 42]);
    assert.deepEqual(['temperature', 'threshold', 'alternatives'].filter(name => name in body), []);
    assertQuiet();
  });
}

mockTest('holes grow if they may, and only with a model that knows how', async () => {
  const [first, ...others] = mock.settings.models;
  mock.settings.models = [{ ...first, cinnabar: { ...first.cinnabar, grows: true } }, ...others];
  const page = await open({ hash: '#grow=true' });
  await page.click('#settings summary');
  assert.equal(await page.isVisible('#field-grow'), true);
  await page.fill('#text', 'x = <fill>; y = <fill:3>;');
  assert.equal(await page.locator('.canvas .mask').count(), 4 + 3);
  await runToEnd(page);
  const [body] = posted('/v1/infill');
  assert.equal(body.length, 'grow');
  assert.deepEqual(body.segments.flatMap(({ hole }) => hole ? [hole.max_tokens] : []), [32, 3]);
  assert.equal(await page.locator('.canvas [data-position]').count(), 6 + 3);
  assert.equal(await page.locator('.canvas .mask').count(), 0);
  await page.selectOption('#model', 'chatty');
  assert.equal(await page.isVisible('#field-grow'), false);
  assert.equal(await page.textContent('#changed'), 'the model’s own');
  await runToEnd(page);
  assert.equal(posted('/v1/infill').at(-1).length, undefined);
  assertQuiet();
});

mockTest('texts are drafted if they may, and only with a model that can', async () => {
  const [first, ...others] = mock.settings.models;
  mock.settings.models = [{ ...first, cinnabar: { ...first.cinnabar, drafts: true } }, ...others];
  const page = await open({ hash: '#draft_tokens=15' });
  await page.click('#settings summary');
  assert.equal(await page.isVisible('#field-draft_tokens'), true);
  await page.fill('#text', 'Hello');
  await runToEnd(page);
  assert.equal(posted('/v1/completions').at(-1).draft_tokens, 15);
  await page.selectOption('#field-left_to_right', 'false');
  await page.fill('#field-draft_tokens', '0');
  await runToEnd(page);
  assert.equal(posted('/v1/completions').at(-1).draft_tokens, null);
  assert.equal(posted('/v1/completions').at(-1).left_to_right, false);
  await page.selectOption('#model', 'chatty');
  assert.equal(await page.isVisible('#field-draft_tokens'), false);
  await page.uncheck('#chat');
  await runToEnd(page);
  assert.equal(posted('/v1/completions').at(-1).draft_tokens, undefined);
  assertQuiet();
});

mockTest('0 turns off what can be off, and a continuation has the length that the model has by default', async () => {
  const page = await open({ hash: '#model=chatty&threshold=0&temperature=0' });
  await page.uncheck('#chat');
  await page.fill('#text', 'Hello');
  assert.equal(await page.locator('.canvas .mask').count(), 40);
  await runToEnd(page);
  const [body] = posted('/v1/completions');
  assert.deepEqual([body.threshold, body.temperature, body.max_tokens], [null, 0, 40]);
  assert.match(await page.textContent('#status'), /^Done: the canvas is full, with seed 4711\./);
  assertQuiet();
});

mockTest('an address with settings sets them, and nonsense in it is left out', async () => {
  const nonsense = 'threshold=7&seed=abc&remasking=evil&remask_below=1&grow=true&text=hello';
  const page = await open({ hash: `#model=chatty&steps=3&${nonsense}&top_p=0.5` });
  assert.equal(await page.inputValue('#model'), 'chatty');
  const all = await page.locator('.field :is(input, select)').evaluateAll(inputs => inputs.map(({ value }) => value));
  const values = all.filter(value => !['', 'on'].includes(value));
  assert.deepEqual(values, ['3', '0.5']);
  assert.equal(await page.getAttribute('#field-threshold', 'placeholder'), '0.9');
  assertQuiet();
});

mockTest('an address that changes while the page is open is followed', async () => {
  const page = await open({ hash: '#steps=8' });
  await page.fill('#text', 'x<fill>y');
  await page.evaluate(() => { location.hash = '#model=chatty&max_tokens=5'; });
  await page.waitForFunction(() => document.querySelector('#model').value === 'chatty');
  assert.equal(await page.inputValue('#field-steps'), '');
  assert.equal(await page.locator('.canvas .mask').count(), 5);
  assertQuiet();
});

mockTest('a page that is loaded anew shows the text that was typed, and offers every example', async () => {
  const page = await open({ hash: '#steps=8' });
  const [first, second] = await page.locator('#example option').allTextContents();
  const example = await page.inputValue('#text');
  const chosen = () => page.locator('#example').evaluate(choice => choice.selectedOptions[0].textContent);
  await page.fill('#text', 'x<fill:3>y');
  await page.reload();
  assert.equal(await page.inputValue('#text'), 'x<fill:3>y');
  assert.equal(await page.locator('.canvas .mask').count(), 3);
  assert.equal(await page.inputValue('#field-steps'), '8');
  assert.equal(await chosen(), 'Your own text');
  await page.selectOption('#example', { label: first });
  assert.equal(await page.inputValue('#text'), example);
  await page.selectOption('#example', { label: second });
  const other = await page.inputValue('#text');
  await page.reload();
  assert.deepEqual([await page.inputValue('#text'), await chosen()], [other, second]);
  assertQuiet();
});

mockTest('the link to the text leaves the settings as they are', async () => {
  const page = await open({ hash: '#steps=8' });
  await page.focus('.skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'text');
  assert.equal(await page.inputValue('#field-steps'), '8');
  assert.equal(new URL(page.url()).hash, '#steps=8');
  assertQuiet();
});

mockTest('the copied curl line sends the request as it was, quotes and all', async () => {
  const page = await open();
  const text = `var s = 'it''s "$HOME" \`x\` \\n """"' + <fill:2>;`;
  await page.fill('#text', text);
  await page.click('#code');
  await page.click('#copy-curl');
  const code = await page.evaluate(() => navigator.clipboard.readText());
  await promisify(execFile)('bash', ['-c', `${code} --silent --output /dev/null --noproxy '*'`], { timeout: 5000 });
  const segments = [text.split('<fill')[0], { hole: { max_tokens: 2 } }, ';'];
  assert.deepEqual(posted('/v1/infill').at(-1), { model: 'csharp-12m', segments });
  await page.click('#copy-csharp');
  const csharp = await page.evaluate(() => navigator.clipboard.readText());
  const literal = /"""\n([^]*)\n"""/.exec(csharp)[1];
  assert.deepEqual(JSON.parse(literal), posted('/v1/infill').at(-1));
  assert.match(csharp, /PostAsync\("\/v1\/infill"/);
  assertQuiet();
});

mockTest('everything can be done with the keyboard', async () => {
  const page = await open();
  await page.fill('#text', 'a = <fill:2>; b = <fill:4>; c = <fill:3>;');
  await page.focus('#text');
  await page.keyboard.press('Control+Enter');
  await finished(page);
  await page.focus('[role=tab]');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('ArrowLeft');
  assert.match(await label(page), /^step 5 of 6/);
  await page.keyboard.press('Space');
  await page.waitForFunction(() => /^step 6/.test(document.querySelector('.timeline-label').textContent));
  await cells(page).first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('PageUp');
  assert.match(await label(page), /^step 5 of 6/);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#popover .candidate');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#pending .chip').count(), 1);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.position !== undefined), true);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  assert.equal(await page.isVisible('#popover'), false);
  await page.focus('#pending .primary');
  await page.keyboard.press('Enter');
  await finished(page);
  assert.equal(posted('/v1/infill').at(-1).pins.length, 1);
  assertQuiet();
});

for (const [width, height] of [[400, 900], [1400, 900]]) {
  for (const colorScheme of ['light', 'dark']) {
    mockTest(`at ${width} pixels in ${colorScheme} nothing overflows and all text has contrast`, async () => {
      const page = await open({ width, height, colorScheme });
      await page.click('#settings summary');
      await page.fill('#field-threshold', '0.9');
      await runToEnd(page);
      await cells(page).nth(1).click();
      await page.click('#popover >> text=Ban');
      await cells(page).nth(2).click();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${overflow} pixels too wide`);
      assert.deepEqual(await page.evaluate(lowContrast), []);
      await page.keyboard.press('Escape');
      await page.click('#code');
      assert.deepEqual(await page.evaluate(lowContrast), []);
      assertQuiet();
    });
  }
}

mockTest('a new text is previewed at once, and a run can be gone back to', async () => {
  const page = await open();
  await runToEnd(page);
  const filled = await canvasText(page);
  await page.fill('#text', 'x<fill:3>y');
  assert.equal(await page.locator('.canvas .mask').count(), 3);
  assert.equal(await page.locator('[role=tab][tabindex="0"]').count(), 1);
  await page.click('[role=tab]');
  assert.equal(await canvasText(page), filled);
  await page.selectOption('#example', { index: 1 });
  assert.equal(await page.locator('.canvas .mask').count(), 12);
  assert.equal(mock.requests.filter(({ method }) => method === 'POST').length, 1);
  assertQuiet();
});

for (const width of [1280, 1024, 360]) {
  mockTest(`at ${width} pixels the tab of the run on show stays in sight, also beside Compare`, async () => {
    const page = await open({ width, height: 800 });
    await page.fill('#text', 'int x = <fill:4>;');
    for (let i = 0; i < 9; i++) {
      await runToEnd(page);
    }
    assert.equal(await page.isVisible('#compare-row'), true);
    await page.waitForFunction(selectedIsInSight);
    assert.ok(await page.locator('#tabs').evaluate(row => row.clientWidth) >= 180);
    await page.setViewportSize({ width: width === 360 ? 320 : 1000, height: 800 });
    await page.waitForFunction(selectedIsInSight);
    assertQuiet();
  });
}

// In the page: whether the row of tabs shows all of the selected one.
function selectedIsInSight() {
  const [row, tab] = ['#tabs', '.tab[aria-selected=true]'].map(selector => document.querySelector(selector).getBoundingClientRect());
  return tab.left >= row.left - 1 && tab.right <= row.right + 1;
}
