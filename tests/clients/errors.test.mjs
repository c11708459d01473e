import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { all, client, clientWith, filler, fillTest, key, room } from './server.mjs';

const request = more => ({ model: filler, prompt: 'class A', max_tokens: 8, ...more });
const failure = work => work.then(() => assert.fail('an error was expected'), error => error);

test('a model that is not there is not found', async () => {
  const model = 'gpt-4o';
  for (const ask of [() => client.completions.create(request({ model })), () => client.models.retrieve(model)]) {
    const error = await failure(ask());
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.deepEqual([error.status, error.code, error.param, error.type], [404, 'model_not_found', 'model', 'invalid_request_error']);
  }
});

test('a URL that is not there is not found', async () => {
  const error = await failure(client.post('/embeddings', { body: {} }));
  assert.ok(error instanceof OpenAI.NotFoundError);
  assert.equal(error.code, 'unknown_url');
});

fillTest('a field that cannot be honoured is named', async () => {
  for (const [more, param] of [[{ max_tokens: 0 }, 'max_tokens'], [{ logprobs: 3 }, 'logprobs'], [{ promt: 'x' }, 'promt']]) {
    const error = await failure(client.completions.create(request(more)));
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.deepEqual([error.param, error.type], [param, 'invalid_request_error']);
  }
});

fillTest('an error before a stream is the error of the call', async () => {
  const error = await failure(client.completions.create(request({ stream: true, temperature: -1 })));
  assert.ok(error instanceof OpenAI.BadRequestError);
  assert.equal(error.param, 'temperature');
});

test('a wrong key is refused', { skip: key ? false : 'needs a server with a key' }, async () => {
  const error = await failure(all(clientWith({ apiKey: 'wrong' }).models.list()));
  assert.ok(error instanceof OpenAI.AuthenticationError);
  assert.equal(error.code, 'invalid_api_key');
});

const needsRoom = { skip: room && filler ? false : 'needs a small server' };
test('too many texts are refused, and written when the client tries again', needsRoom, async () => {
  const texts = Array.from({ length: room + 2 }, (_, seed) => request({ seed, max_tokens: 32 }));
  const once = await Promise.allSettled(texts.map(text => client.completions.create(text)));
  const refused = once.filter(result => result.status === 'rejected').map(result => result.reason);
  assert.equal(refused.length, 2);
  for (const error of refused) {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.type, 'overloaded_error');
    assert.equal(error.headers.get('retry-after'), '1');
  }

  const patient = clientWith({ maxRetries: 5 });
  const again = await Promise.all(texts.map(text => patient.completions.create(text)));
  assert.equal(again.length, room + 2);
});
