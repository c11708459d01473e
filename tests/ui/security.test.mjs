// Text that would be code if it were read as HTML stays text: in tokens, alternatives, errors, model names, the editor and the address.
import assert from 'node:assert/strict';
import { assertQuiet, canvasText, cells, mock, mockTest, open, realServer, runToEnd } from './harness.mjs';

const ATTACKS = [
  '<script>window.hit=1</script>', '<img src=x onerror=window.hit=1>', '<svg onload=window.hit=1>',
  '<svg><script>window.hit=1</script></svg>', '"><script>window.hit=1</script>', "'><img src=x onerror=window.hit=1>",
  '</span><script>window.hit=1</script>', '</textarea><script>window.hit=1</script>', '</title><script>window.hit=1</script>',
  '</style><script>window.hit=1</script>', '<iframe src="javascript:window.hit=1"></iframe>',
  '<iframe srcdoc="<script>parent.hit=1</script>">', '<a href="javascript:window.hit=1">x</a>', '[x](javascript:window.hit=1)',
  '![x](x"onerror="window.hit=1)', '<body onload=window.hit=1>', '<details open ontoggle=window.hit=1>',
  '<input autofocus onfocus=window.hit=1>', '<select autofocus onfocus=window.hit=1>', '<video><source onerror=window.hit=1>',
  '<audio src=x onerror=window.hit=1>', '<marquee onstart=window.hit=1>', '<math><mtext><img src=x onerror=window.hit=1>',
  '<object data="javascript:window.hit=1">', '<embed src="javascript:window.hit=1">', '<form action="javascript:window.hit=1"><button>',
  '<base href="//evil.example/">', '<link rel=stylesheet href="//evil.example/x.css">',
  '<meta http-equiv=refresh content="0;url=javascript:window.hit=1">', '<style>*{display:none}</style>',
  '<template><script>window.hit=1</script></template>', '<noscript><p title="</noscript><img src=x onerror=window.hit=1>">',
  '<!--><img src=x onerror=window.hit=1>', '<![CDATA[<script>window.hit=1</script>]]>', '&lt;script&gt;window.hit=1&lt;/script&gt;',
  '&#60;script&#62;', '\\u003cscript\\u003ewindow.hit=1', '${window.hit=1}', '{{constructor.constructor("window.hit=1")()}}',
  'javascript:window.hit=1', '" onmouseover="window.hit=1', "' style='position:fixed;inset:0' x='", '\u202eevil\u202c', '\u0000<script>',
  '\u001b[31mred\u001b]8;;http://evil.example\u0007', '<x onclick=window.hit=1>click',
];

const EVIL = '<img src=x onerror=window.hit=1><script>window.hit=1</script>';

async function assertHarmless(page, before) {
  const state = await page.evaluate(() => ({
    hit: window.hit,
    tags: [...new Set([...document.querySelectorAll('body *')].map(element => element.localName))].sort(),
    attributes: [...document.querySelectorAll('*')].flatMap(element => element.getAttributeNames()).filter(name => name.startsWith('on')),
    styled: document.querySelectorAll('style, base, meta[http-equiv], iframe, object, embed, img, a[href^=javascript]').length,
  }));
  assert.equal(state.hit, undefined);
  assert.deepEqual(state.attributes, []);
  assert.equal(state.styled, 0);
  assert.deepEqual(state.tags.filter(tag => !before.includes(tag)), []);
}

const KNOWN_TAGS = [
  'a', 'button', 'code', 'details', 'dialog', 'div', 'form', 'h1', 'h2', 'h3', 'header', 'input', 'kbd', 'label', 'main', 'noscript',
  'option', 'p', 'pre', 'rect', 'section', 'select', 'span', 'summary', 'svg', 'textarea', 'wbr',
];

mockTest(`${ATTACKS.length} hostile strings as tokens and alternatives stay text`, async () => {
  assert.ok(ATTACKS.length >= 40);
  const page = await open();
  mock.settings.script = { tokens: ATTACKS, others: ATTACKS.slice(0, 12) };
  await page.fill('#text', `before <fill:${ATTACKS.length}> after`);
  await runToEnd(page);
  const shown = await cells(page).evaluateAll(nodes => nodes.map(node => node.textContent));
  assert.deepEqual(shown, ATTACKS);
  assert.equal(await canvasText(page), `before ${ATTACKS.join('')} after`);
  for (let i = 0; i < ATTACKS.length; i += 5) {
    await cells(page).nth(i).click();
    await page.waitForSelector('#popover .candidate');
    await page.keyboard.press('Escape');
  }
  await cells(page).nth(1).click();
  await page.click('#popover >> text=Ban');
  await page.check('#guesses');
  await page.click('#code');
  await assertHarmless(page, KNOWN_TAGS);
  assertQuiet();
});

mockTest('a hostile model name, message and address stay text', async () => {
  mock.settings.models = [
    { id: EVIL, object: 'model', cinnabar: { kind: 'masked', options: { steps: EVIL, remasking: EVIL }, default: true } },
    { id: `${EVIL}2`, object: 'model', cinnabar: { kind: 'autoregressive', options: {} } },
  ];
  mock.settings.failures = [{ at: '/v1/infill', status: 400, error: { message: EVIL, param: EVIL } }];
  const hash = `#model=${encodeURIComponent(EVIL)}&steps=${encodeURIComponent(EVIL)}`;
  const page = await open({ expected: /status of 400/, hash });
  await page.fill('#text', `${EVIL}<fill:3>${EVIL}`);
  await page.check('#race');
  await page.click('#run');
  await page.waitForSelector('#notice:not([hidden])');
  assert.equal(await page.textContent('#notice p'), `${EVIL} (${EVIL})`);
  await runToEnd(page);
  await assertHarmless(page, KNOWN_TAGS);
  assertQuiet();
});

mockTest('the page works under its policy and asks nobody else', async () => {
  const page = await open();
  const response = await page.request.get(realServer ?? mock.url);
  assert.match(response.headers()['content-security-policy'], /default-src 'none'/);
  await runToEnd(page);
  const inline = await page.evaluate(async () => {
    const source = await (await fetch('/')).text();
    const parsed = new DOMParser().parseFromString(source, 'text/html');
    return parsed.querySelectorAll('[style], script:not([src]), style').length;
  });
  assert.equal(inline, 0);
  assertQuiet();
});
