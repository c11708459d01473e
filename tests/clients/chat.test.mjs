import assert from 'node:assert/strict';
import { all, chatTest, client, talker } from './server.mjs';

const MAX_TOKENS = 24;
const request = (seed, more) => ({
  model: talker, messages: [{ role: 'user', content: 'Write a loop – 日本 🙂' }], max_completion_tokens: MAX_TOKENS, seed, ...more,
});
const ask = (seed, more) => client.chat.completions.create(request(seed, more));
const stream = async (seed, more) => all(await ask(seed, { stream: true, ...more }));
const textOf = chunks => chunks.map(chunk => chunk.choices[0]?.delta.content ?? '').join('');

chatTest('an answer has text, usage and a finish reason', async () => {
  const answer = await ask(1);
  const [choice] = answer.choices;
  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.model, talker);
  assert.equal(choice.message.role, 'assistant');
  assert.notEqual(choice.message.content, '');
  assert.equal(choice.finish_reason, answer.usage.completion_tokens === MAX_TOKENS ? 'length' : 'stop');
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

chatTest('the pieces of a stream are the answer', async () => {
  const remdm = { remasking: 'origin', remdm: 'confidence', steps: 48 };
  for (const more of [{}, { temperature: 1 }, { threshold: 0.9 }, { block_length: 8 }, { remasking: 'random' }, remdm]) {
    const whole = await ask(3, more);
    const chunks = await stream(3, { ...more, stream_options: { include_usage: true } });
    assert.equal(textOf(chunks), whole.choices[0].message.content, JSON.stringify(more));
    assert.equal(chunks.at(-2).choices[0].finish_reason, whole.choices[0].finish_reason);
    assert.deepEqual(chunks.at(-1).usage, whole.usage);
    assert.equal(new Set(chunks.map(chunk => chunk.id)).size, 1);
  }
});

chatTest("the client's own helper for streams puts the same answer together", async () => {
  const whole = await ask(4);
  for (const stream_options of [{ include_usage: true }, { include_usage: true, include_steps: true }]) {
    const answer = await client.chat.completions.stream(request(4, { stream_options })).finalChatCompletion();
    assert.equal(answer.choices[0].message.content, whole.choices[0].message.content);
    assert.equal(answer.choices[0].finish_reason, whole.choices[0].finish_reason);
    assert.deepEqual(answer.usage, whole.usage);
  }
});

chatTest('include_steps adds the canvas, each step and the end', async () => {
  const plain = await ask(5);
  const chunks = await stream(5, { stream_options: { include_steps: true }, alternatives: 2 });
  const events = chunks.map(chunk => chunk.diffusion);
  assert.equal(textOf(chunks), plain.choices[0].message.content);
  assert.equal(events[0].type, 'canvas');
  assert.equal(events.at(-1).type, 'done');
  assert.ok(events.slice(1, -1).every(event => event.type === 'step'));
  // The steps, carried out on the canvas, write the answer's tokens.
  const { ids, mask, holes: [hole] } = events[0];
  events.slice(1, -1).forEach(step => step.committed.concat(step.edited).forEach(({ position, token }) => { ids[position] = token; }));
  assert.equal(ids.length, hole.start + MAX_TOKENS);
  assert.ok(!ids.includes(mask));
  assert.equal(events[1].committed[0].alternatives.length, 2);
});

chatTest('a diffusing stream sends the whole text over and over', async () => {
  const plain = await ask(6);
  const texts = (await stream(6, { diffusing: true })).map(chunk => chunk.choices[0].delta.content).filter(Boolean);
  assert.equal(texts.at(-1), plain.choices[0].message.content);
  assert.ok(texts.length > 3 && texts[0].includes('░'), 'noise is shown');
});

chatTest('a stop text ends the answer and is not part of it', async () => {
  const free = (await ask(1)).choices[0].message.content;
  const stop = free.slice(Math.floor(free.length / 2)).trimStart().slice(0, 3);
  const stopped = await ask(1, { stop: [stop, 'never written'] });
  assert.equal(stopped.choices[0].message.content, free.slice(0, free.indexOf(stop)));
  assert.equal(stopped.choices[0].finish_reason, 'stop');
  assert.equal(textOf(await stream(1, { stop })), stopped.choices[0].message.content);
});

chatTest('several answers come in one request', async () => {
  const { choices } = await ask(7, { n: 2, temperature: 1 });
  const chunks = await stream(7, { n: 2, temperature: 1 });
  for (const [index, choice] of choices.entries()) {
    assert.equal(choice.index, index);
    assert.equal(textOf(chunks.filter(chunk => chunk.choices[0].index === index)), choice.message.content);
    assert.equal((await ask(7 + index, { temperature: 1 })).choices[0].message.content, choice.message.content);
  }
});
