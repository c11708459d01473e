// Who goes away in the middle of an answer ends the work on it.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { client, filler, fillTest, metric, within } from './server.mjs';

const LONG = { model: filler, prompt: 'class Stack', max_tokens: 400 }; // one token per pass: seconds
const isRunning = async () => await metric('cinnabar_running') > 0;
const isIdle = async () => await metric('cinnabar_running') + await metric('cinnabar_queue_depth') === 0;

async function assertDropped(cancelledBefore) {
  assert.ok(await within(1000, isIdle), 'nothing runs a second later');
  assert.equal(await metric('cinnabar_texts_cancelled_total'), cancelledBefore + 1);
}

fillTest('leaving the loop over a stream', async () => {
  const before = await metric('cinnabar_texts_cancelled_total');
  for await (const chunk of await client.completions.create({ ...LONG, stream: true, stream_options: { include_steps: true } })) {
    if (chunk.diffusion.type === 'step') {
      break;
    }
  }
  await assertDropped(before);
});

fillTest("aborting a stream's controller", async () => {
  const before = await metric('cinnabar_texts_cancelled_total');
  const stream = await client.completions.create({ ...LONG, stream: true, diffusing: true });
  let chunks = 0;
  for await (const _ of stream) {
    chunks++;
    chunks === 3 && stream.controller.abort();
  }
  assert.ok(chunks < 100, `${chunks} chunks`);
  await assertDropped(before);
});

fillTest('aborting a request without a stream', async () => {
  const before = await metric('cinnabar_texts_cancelled_total');
  const interest = new AbortController();
  const answer = client.completions.create(LONG, { signal: interest.signal });
  assert.ok(await within(5000, isRunning));
  interest.abort();
  await assert.rejects(answer, OpenAI.APIUserAbortError);
  await assertDropped(before);
});

fillTest("the client's timeout", async () => {
  const before = await metric('cinnabar_texts_cancelled_total');
  await assert.rejects(client.completions.create(LONG, { timeout: 500 }), OpenAI.APIConnectionTimeoutError);
  await assertDropped(before);
});
