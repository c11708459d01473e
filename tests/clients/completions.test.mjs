import assert from 'node:assert/strict';
import { all, client, filler, fillTest } from './server.mjs';

const PREFIX = 'public static int Max(int a, int b)\n{\n    return ';
const SUFFIX = ' ? a : b;\n}\n';
const request = more => ({ model: filler, prompt: PREFIX, max_tokens: 16, seed: 3, ...more });
const textOf = chunks => chunks.map(chunk => chunk.choices[0]?.text ?? '').join('');

fillTest('models are listed and found by name', async () => {
  const models = await all(client.models.list());
  assert.ok(models.some(model => model.id === filler));
  const model = await client.models.retrieve(filler);
  assert.equal(model.owned_by, 'cinnabar');
  assert.equal(model.object, 'model');
});

fillTest('the pieces of a completion are the whole one', async () => {
  for (const more of [{}, { echo: true }, { suffix: SUFFIX }, { temperature: 1, top_p: 0.9 }]) {
    const whole = await client.completions.create(request(more));
    const chunks = await all(await client.completions.create(request({ ...more, stream: true, stream_options: { include_usage: true } })));
    assert.equal(whole.object, 'text_completion');
    assert.equal(textOf(chunks), whole.choices[0].text, JSON.stringify(more));
    assert.equal(chunks.at(-2).choices[0].finish_reason, whole.choices[0].finish_reason);
    assert.deepEqual(chunks.at(-1).usage, whole.usage);
    assert.equal(whole.choices[0].text.startsWith(PREFIX), more.echo === true);
  }
});

fillTest('include_steps and diffusing work for completions too', async () => {
  const whole = await client.completions.create(request());
  const steps = await all(await client.completions.create(request({ stream: true, stream_options: { include_steps: true } })));
  const texts = await all(await client.completions.create(request({ stream: true, diffusing: true })));
  assert.equal(textOf(steps), whole.choices[0].text);
  assert.deepEqual(new Set(steps.map(chunk => chunk.diffusion.type)), new Set(['canvas', 'step', 'done']));
  assert.equal(texts.at(-1).choices[0].text, whole.choices[0].text);
});

fillTest('fill-in-the-middle is a post of the client', async () => {
  const body = request({ suffix: SUFFIX });
  const viaCompletions = await client.completions.create(body);
  const fim = await client.post('/fim/completions', { body });
  const chunks = await all(await client.post('/fim/completions', { body: { ...body, stream: true }, stream: true }));
  assert.equal(fim.choices[0].text, viaCompletions.choices[0].text);
  assert.equal(textOf(chunks), fim.choices[0].text);
});

fillTest('several holes are streamed together', async () => {
  const segments = ['int Add(int a, int b)', { hole: { max_tokens: 8 } }, 'return a + ', { hole: { max_tokens: 4 } }, ';\n}\n'];
  const body = { model: filler, segments, seed: 1 };
  const whole = await client.post('/infill', { body });
  const chunks = await all(await client.post('/infill', { body: { ...body, stream: true }, stream: true }));
  const holes = ['', ''];
  chunks.forEach(chunk => chunk.holes.forEach(({ index, delta }) => { holes[index] += delta ?? ''; }));
  assert.deepEqual(holes, whole.holes.map(hole => hole.text));
  assert.equal(chunks.at(-1).text, whole.text);
  assert.equal(whole.text, segments[0] + holes[0] + segments[2] + holes[1] + segments[4]);
});

fillTest("a next edit is a post of the client", async () => {
  const content = '<|recently_viewed_code_snippets|>\n<|/recently_viewed_code_snippets|>\n\n<|current_file_content|>\n'
    + 'current_file_path: Max.cs\nclass A\n{\n<|code_to_edit|>\n    int Max(int a, int b) => <|cursor|>;\n<|/code_to_edit|>\n}\n'
    + '<|/current_file_content|>\n\n<|edit_diff_history|>\n<|/edit_diff_history|>\n';
  const answer = await client.post('/edit/completions', { body: { model: filler, messages: [{ role: 'user', content }], seed: 1 } });
  assert.match(answer.choices[0].message.content, /^```[^]*int Max\(int a, int b\) =>[^]*```$/);
});
