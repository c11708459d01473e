// The canvas while it denoises: fresh, settled, masked again, padding; following, stopping, guesses.
import assert from 'node:assert/strict';
import { assertQuiet, canvasText, cells, label, masks, mock, mockTest, open, posted, runToEnd, seek } from './harness.mjs';

mockTest('steps are watched live, and scrubbing back stops following', async () => {
  const page = await open();
  await page.fill('#text', 'a = <fill:2>; b = <fill:4>; c = <fill:3>;');
  mock.settings.pause = 150;
  await page.click('#run');
  await page.waitForFunction(() => /^step 2 of/.test(document.querySelector('.timeline-label').textContent));
  assert.ok(await page.locator('.canvas .fresh').count() > 0);
  await page.click('[aria-label="Step back"]');
  await page.waitForFunction(() => !document.querySelector('#run').classList.contains('stop'));
  assert.match(await label(page), /^step 1 of 6/);
  assertQuiet();
});

mockTest('the step is told by the slider, and nothing is read aloud at each', async () => {
  const page = await open();
  await page.evaluate(() => {
    window.said = [];
    const status = document.querySelector('#status');
    new MutationObserver(() => window.said.push(status.textContent)).observe(status, { childList: true, characterData: true });
  });
  await runToEnd(page);
  const said = await page.evaluate(() => window.said);
  assert.ok(said.length > 1);
  assert.equal(said.length, new Set(said).size);
  assert.equal(await page.getAttribute('#timeline input', 'aria-valuetext'), await label(page));
  assert.equal(await page.locator('#timeline :is(output, [role=status], [role=alert], [aria-live])').count(), 0);
  assertQuiet();
});

mockTest('what is masked again and what is replaced is shown in its step', async () => {
  const page = await open();
  await runToEnd(page);
  await seek(page, 3);
  assert.equal(await page.locator('.canvas .mask.renoised').count(), 1);
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.locator('.canvas .mask.renoised').count(), 0);
  assert.equal(await page.locator('.canvas .edited').count(), 1);
  assertQuiet();
});

mockTest('what was masked again still tells what it leaned to', async () => {
  const page = await open();
  await runToEnd(page);
  await seek(page, 3);
  await page.locator('.canvas .mask.renoised').click();
  assert.equal(await page.textContent('.popover-story'), 'Masked again in this step.');
  assert.ok(await page.locator('#popover .candidate').count() > 0);
  assertQuiet();
});

mockTest('steps that were not read in time are said to be missing, and the next one shows what they did', async () => {
  const page = await open();
  await page.fill('#text', 'a = <fill:2>; b = <fill:4>; c = <fill:3>;');
  await runToEnd(page);
  const text = await canvasText(page);
  for (const [lost, sentence] of [[[2], 'One step was'], [[2, 3, 4], '3 steps were']]) {
    mock.settings.lost = lost;
    await runToEnd(page);
    const said = `^Done, with seed 4711\\. ${sentence} not read in time`;
    await page.waitForFunction(source => new RegExp(source).test(document.querySelector('#status').textContent), said);
    assert.equal(await masks(page), 0);
    assert.equal(await canvasText(page), text);
  }
  assertQuiet();
});

mockTest('a token of text that has the name of an end is shown', async () => {
  const page = await open();
  mock.settings.script = { tokens: [' one', '</s>', ' two', '<|pad|>'], others: [' other'] };
  await page.fill('#text', 'x =<fill:4>!');
  await runToEnd(page);
  assert.equal(await canvasText(page), 'x = one</s> two!');
  assertQuiet();
});

mockTest('what a hole repeats of the text before it is shown once', async () => {
  mock.settings.script = { tokens: ['\n    ', ' b'], others: [' c'] };
  const page = await open();
  await page.fill('#text', '{\n<fill:2>;\n x = <fill:2>;');
  await runToEnd(page);
  const known = (await page.locator('.canvas .known').allTextContents()).join('|');
  assert.equal(known, '{\n|;\n x = |;');
  assert.equal(await page.locator('.canvas [data-position]').first().textContent(), '    ');
  assertQuiet();
});

mockTest('the keyboard reaches the canvas though the first hole is empty', async () => {
  const page = await open();
  mock.settings.script = { tokens: ['<|pad|>', '<|pad|>', ' b', ' c'], others: [' other'] };
  await page.fill('#text', 'x<fill:2>y<fill:2>z');
  await runToEnd(page);
  assert.equal(await cells(page).count(), 2);
  assert.equal(await page.locator('.canvas [data-position][tabindex="0"]:not([hidden])').count(), 1);
  assertQuiet();
});

mockTest('the text copied is the text the server made', async () => {
  const page = await open();
  await page.fill('#text', 'x = <fill:8>!');
  await runToEnd(page);
  await page.click('#copy-text');
  await page.waitForFunction(() => document.querySelector('#copy-text').textContent === 'Copied');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'x =  _count;!');
  assertQuiet();
});

mockTest('long holes ask for fewer alternatives', async () => {
  const page = await open();
  mock.settings.script = { tokens: [' word'], others: [' other'] };
  for (const [size, expected] of [[160, 6], [161, 3], [401, 1]]) {
    await page.fill('#text', `x<fill:${size}>`);
    await runToEnd(page);
    assert.equal(posted('/v1/infill').at(-1).alternatives, expected);
  }
  assertQuiet();
});

mockTest('padding behind the end of a hole is hidden', async () => {
  const page = await open();
  await page.fill('#text', 'x = <fill:8>!');
  await runToEnd(page);
  assert.equal(await canvasText(page), 'x = _count;!');
  assert.equal(await page.locator('.canvas [data-position]').count(), 8);
  assert.equal(await cells(page).count(), 2);
  assert.match(await label(page), /· 2 tokens ·/);
  assertQuiet();
});

mockTest('settled tokens are shaded by confidence, and doubtful ones underlined', async () => {
  const page = await open();
  await page.fill('#text', 'x = <fill:24>!');
  mock.settings.script = { tokens: [' word'], others: [' other'] };
  await runToEnd(page);
  const settled = page.locator('.canvas [data-position]:not(.fresh, .edited)');
  const shades = await settled.evaluateAll(nodes => nodes.map(node => ({
    sure: Number(/(\d+) % sure/.exec(node.getAttribute('aria-label'))[1]),
    shade: Number(/\bc(\d)/.exec(node.className)[1]),
    line: getComputedStyle(node).textDecorationLine,
  })));
  for (const { sure, shade, line } of shades) {
    assert.ok(Math.abs([0.3, 0.5, 0.7, 0.9].filter(limit => sure / 100 >= limit).length - shade) <= (sure % 10 === 0 ? 1 : 0));
    assert.equal(line, shade < 2 ? 'underline' : 'none');
  }
  assert.ok(new Set(shades.map(({ shade }) => shade)).size >= 4);
  assertQuiet();
});

mockTest('guesses show what each mask leans to', async () => {
  const page = await open();
  await page.fill('#text', 'x = <fill:6>!');
  await runToEnd(page);
  await seek(page, 1);
  await page.check('#guesses');
  const guesses = page.locator('.canvas .guess');
  assert.equal(await guesses.count(), await masks(page));
  assert.notEqual(await guesses.first().textContent(), '');
  assertQuiet();
});

mockTest('Stop ends the request, keeps what has come, and a new run can begin', async () => {
  const page = await open();
  mock.settings.pause = 200;
  await page.click('#run');
  await page.waitForFunction(() => /^step 1 of/.test(document.querySelector('.timeline-label').textContent));
  await page.click('#run.stop');
  await page.waitForFunction(() => /^Stopped\./.test(document.querySelector('#status').textContent));
  await page.waitForTimeout(500);
  assert.ok(mock.requests.some(({ method }) => method === 'ABORTED'));
  mock.settings.pause = 2;
  await runToEnd(page);
  assert.equal(await masks(page), 0);
  assert.equal(posted('/v1/infill').length, 2);
  assertQuiet();
});

mockTest('a chat model gets the text as a message', async () => {
  const page = await open({ hash: '#model=chatty&max_tokens=5' });
  await page.fill('#text', 'Hello there');
  await runToEnd(page);
  const [body] = posted('/v1/chat/completions');
  assert.deepEqual(body.messages, [{ role: 'user', content: 'Hello there' }]);
  assert.equal(body.max_tokens, 5);
  await page.uncheck('#chat');
  await runToEnd(page);
  assert.equal(posted('/v1/completions')[0].prompt, 'Hello there');
  assertQuiet();
});

mockTest('a race runs one model after the other and replays both on one clock', async () => {
  const page = await open();
  await page.fill('#text', 'x = <fill:9>!');
  mock.settings.pause = 10;
  await page.check('#race');
  await page.click('#run');
  await page.waitForFunction(() => /csharp-12m was done first/.test(document.querySelector('#status').textContent));
  await page.waitForSelector('[aria-label="Play"]');
  assert.deepEqual(posted('/v1/infill').map(({ model }) => model), ['csharp-12m', 'csharp-12m-ar']);
  assert.deepEqual(await page.locator('.lane-name').allTextContents(), ['csharp-12m', 'csharp-12m-ar']);
  assert.match(await page.locator('.lane-figures').nth(1).textContent(), /^9 passes · 2 tokens · \d\.\d\d s · \d+ tokens\/s$/);
  assert.match(await label(page), /on the shared clock$/);
  assert.equal(await canvasText(page, 0), await canvasText(page, 1));
  assertQuiet();
});

mockTest('a text with several holes is not raced', async () => {
  const page = await open();
  assert.equal(await page.isDisabled('#race'), true);
  assert.match(await page.textContent('#race-row'), /with one hole/);
  await page.fill('#text', 'x<fill:3>y');
  await page.check('#race');
  await page.fill('#text', 'x<fill:3>y<fill:3>z');
  await runToEnd(page);
  assert.deepEqual(posted('/v1/infill').map(({ model }) => model), ['csharp-12m']);
  assertQuiet();
});

mockTest('the times of a run are the server\'s own', async () => {
  const page = await open();
  await page.fill('#text', 'x<fill:3>y');
  mock.settings.seconds = 3;
  await runToEnd(page);
  assert.match(await label(page), /· 3\.00 s$/);
  await page.click('[aria-label="Step back"]');
  assert.match(await label(page), /· (2\.9\d|3\.00) s$/);
  // A text that waits for others comes later than the server's time says.
  mock.settings.seconds = 0.001;
  mock.settings.pause = 100;
  await runToEnd(page);
  await page.click('[aria-label="Step back"]');
  assert.match(await label(page), /· 0\.00 s$/);
  assertQuiet();
});

mockTest('without an autoregressive model there is no race', async () => {
  mock.settings.models = mock.settings.models.filter(({ cinnabar }) => cinnabar.kind !== 'autoregressive');
  const page = await open();
  assert.equal(await page.isVisible('#race-row'), false);
  assertQuiet();
});

mockTest('a model races against its twin, or else against one with its tokenizer, and against no other', async () => {
  const [first, second] = mock.settings.models;
  const like = (model, id, tokenizer) => ({ ...model, id, cinnabar: { ...model.cinnabar, tokenizer, default: false } });
  mock.settings.models = [
    first, like(second, 'stories-12m-ar', '7a1e'), second, like(second, 'last-ar', '7a1e'), like(first, 'csharp-12m-int8', 'c0de'),
    like(first, 'stories-latents', '7a1e'), like(first, 'sudoku-3m', '9'), like(first, 'last', '9'),
  ];
  const page = await open();
  await page.fill('#text', 'x<fill:3>y');
  const offers = {};
  for (const id of ['csharp-12m', 'csharp-12m-int8', 'stories-latents', 'sudoku-3m', 'last']) {
    await page.selectOption('#model', id);
    offers[id] = await page.isVisible('#race-row') ? await page.textContent('#race-name') : null;
  }
  assert.deepEqual(offers, {
    'csharp-12m': 'race against csharp-12m-ar', 'csharp-12m-int8': 'race against csharp-12m-ar',
    'stories-latents': 'race against stories-12m-ar', 'sudoku-3m': null, last: 'race against last-ar',
  });
  assertQuiet();
});

mockTest('a Sudoku is drawn as a grid, and other text is not', async () => {
  const page = await open();
  await page.fill('#text', '53<fill:2>7<fill:4>6<fill:2>195<fill:4>98<fill:4>6<fill:1>8<fill:3>6<fill:3>34<fill:2>8<fill:1>3<fill:2>17<fill:3>2<fill:3>6'
    + '<fill:1>6<fill:4>28<fill:4>419<fill:2>5<fill:4>8<fill:2>79');
  const grid = page.locator('.canvas.grid');
  assert.equal(await grid.count(), 1);
  assert.equal(await grid.locator('> *').count(), 81);
  assert.equal(await grid.locator('> .mask').count(), 51);
  const boxes = await grid.locator('> *').evaluateAll(cells => cells.map(cell => cell.getBoundingClientRect().top));
  assert.equal(new Set(boxes.map(top => Math.round(top))).size, 9);
  await runToEnd(page);
  // Behind the end of a hole cells are empty, and not gone: all others would move.
  assert.equal(await page.locator('.canvas.grid > :not([hidden])').count(), 81);
  await page.fill('#text', 'int <fill:3> = 1;');
  assert.equal(await page.locator('.canvas.grid').count(), 0);
  assertQuiet();
});
