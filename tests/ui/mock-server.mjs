// A stand-in for the server: serves the page with its content security policy, and speaks the wire protocol with a scripted denoising.
//
// What it writes does not come from a network: each hole gets the tokens of a script, in an order and with confidences made from their
// positions. It honours what a fork sends (canvas, pins, bans), so that the page's requests show in its answers. Run alone it serves
// http://127.0.0.1:5318/ for looking at.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { denoise } from './mock-denoising.mjs';
import { Vocabulary } from './mock-vocabulary.mjs';

const PAGE = new URL('../../src/Cinnabar.Server/Page/', import.meta.url);
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
  + "form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' };

const sampler = {
  steps: null, block_length: null, threshold: null, remasking: 'low_confidence', temperature: 0, top_p: null, max_tokens: 40, cache: 'none',
};
const MODELS = [
  model('csharp-12m', 'masked', { default: true }),
  model('csharp-12m-ar', 'autoregressive'),
  model('chatty', 'masked', { chat: true, options: { ...sampler, steps: 32, threshold: 0.9 } }),
];

function model(id, kind, more = {}) {
  const cinnabar = { kind, tokenizer: 'c0de', context: 512, chat: false, parameters: 12181632, default: false, options: sampler, ...more };
  return { id, object: 'model', created: 1780000000, owned_by: 'cinnabar', cinnabar };
}

/** Starts the mock: {url, requests, settings, close}. `settings` can be changed at any time and is put back by `reset`. */
export async function startMock(port = 0) {
  const vocabulary = new Vocabulary();
  const mock = { requests: [], vocabulary };
  mock.reset = () => {
    mock.requests.length = 0;
    mock.settings = { models: MODELS, pause: 4, script: null, failures: [], key: null, cutAfter: null, lost: [], seconds: null };
  };
  mock.reset();
  const server = createServer((request, response) => answer(mock, request, response).catch(error => {
    response.writableEnded || response.destroy(error);
  }));
  await new Promise(resolve => server.listen(port, '127.0.0.1', resolve));
  mock.url = `http://127.0.0.1:${server.address().port}`;
  mock.close = () => new Promise(resolve => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return mock;
}

async function answer(mock, request, response) {
  const path = new URL(request.url, 'http://mock').pathname;
  if (request.method === 'GET' && !path.startsWith('/v1/')) {
    return sendFile(path === '/' ? 'index.html' : path.slice(1), response);
  }
  const body = request.method === 'POST' ? JSON.parse(await text(request)) : null;
  mock.requests.push({ method: request.method, path, body, key: request.headers.authorization ?? null });
  const failure = mock.settings.failures.find(({ at }) => at === undefined || at === path);
  if (failure) {
    mock.settings.failures.splice(mock.settings.failures.indexOf(failure), 1);
    return sendError(response, failure.status, failure.error, failure.headers);
  }
  if (mock.settings.key !== null && request.headers.authorization !== `Bearer ${mock.settings.key}`) {
    const message = 'Expected a valid key in the Authorization header.';
    return sendError(response, 401, { message, type: 'invalid_request_error', code: 'invalid_api_key' });
  }
  if (path === '/v1/models') {
    return sendJson(response, 200, { object: 'list', data: mock.settings.models });
  }
  if (path === '/tokenize') {
    return sendJson(response, 200, { tokens: mock.vocabulary.encode(body.content) });
  }
  return stream(mock, path, body, response);
}

async function stream(mock, path, body, response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  let closed = false;
  response.on('close', () => closed = true);
  let sent = 0;
  let hasMissed = false;
  const kind = mock.settings.models.find(({ id }) => id === body.model)?.cinnabar.kind;
  const { script, seconds } = mock.settings;
  for (const chunk of denoise({ path, body, kind, vocabulary: mock.vocabulary, script, seconds })) {
    if (mock.settings.cutAfter !== null && sent++ >= mock.settings.cutAfter) {
      return response.destroy();
    }
    if (mock.settings.lost.includes(chunk.diffusion.step)) {
      hasMissed = true;
      continue;
    }
    if (!hasMissed) {
      delete chunk.diffusion.canvas;
    }
    hasMissed = false;
    response.write(': ping\n\n');
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    await new Promise(resolve => setTimeout(resolve, kind === 'autoregressive' ? mock.settings.pause * 1.5 : mock.settings.pause));
    if (closed) {
      mock.requests.push({ method: 'ABORTED', path });
      return;
    }
  }
  response.end('data: [DONE]\n\n');
}

async function sendFile(name, response) {
  const content = /^[a-z-]+\.(html|css|js)$/.test(name) ? await readFile(new URL(name, PAGE)).catch(() => null) : null;
  if (content === null) {
    return sendError(response, 404, { message: `There is nothing at /${name}.`, type: 'invalid_request_error' });
  }
  response.writeHead(200, {
    'Content-Type': TYPES[name.split('.').at(-1)], 'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff',
  });
  response.end(content);
}

function sendError(response, status, error, headers = {}) {
  sendJson(response, status, { error: { param: null, code: null, ...error } }, headers);
}

function sendJson(response, status, value, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

async function text(request) {
  const parts = [];
  for await (const part of request) {
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await startMock(5318);
  mock.settings.pause = 120;
  console.log(mock.url);
}
