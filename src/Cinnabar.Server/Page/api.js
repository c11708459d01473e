// The server's HTTP API: requests with the key of this tab, answers as JSON or as streams, every failure as one ApiError.
import { readEvents } from './sse.js';
import { tabStorage } from './storage.js';

const KEY = 'cinnabar.key';

/** A failure; `kind` is unreachable, cut, key, busy, unavailable, refused or failed; `message` the server's own sentence if it sent one. */
export class ApiError extends Error {
  constructor(kind, message, { param = null, retryAfter = null } = {}) {
    super(message);
    this.kind = kind;
    this.param = param;
    this.retryAfter = retryAfter;
  }
}

export const keepKey = key => tabStorage.set(KEY, key);
export const hasKey = () => tabStorage.get(KEY) !== null;

export const listModels = async () => (await (await request('GET', '/v1/models')).json()).data;

/** The ids of a text's tokens. */
export const tokenize = async (content, model) =>
  (await (await request('POST', '/tokenize', model ? { model, content } : { content })).json()).tokens;

/**
 * Posts a request for a stream and yields its chunks.
 * @throws {ApiError} also for an error inside the stream and for a stream that breaks off.
 */
export async function* streamChunks(path, body, signal) {
  const response = await request('POST', path, body, signal);
  const events = readEvents(response.body);
  try {
    while (true) {
      const { value, done } = await events.next();
      if (done) {
        if (value) {
          return;
        }
        throw new ApiError('cut', 'The connection ended before the text was finished.');
      }
      const chunk = JSON.parse(value);
      if (chunk.error) {
        throw fromBody(200, chunk.error, null);
      }
      yield chunk;
    }
  } catch (error) {
    throw error instanceof ApiError || error.name === 'AbortError'
      ? error
      : new ApiError('cut', `The stream broke off: ${error.message}.`);
  } finally {
    events.return?.();
  }
}

async function request(method, path, body, signal) {
  const headers = { Accept: 'application/json' };
  const key = tabStorage.get(KEY);
  if (key) {
    headers.Authorization = `Bearer ${key}`;
  }
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    headers.Accept = 'application/json, text/event-stream';
  }
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  } catch (error) {
    throw error.name === 'AbortError'
      ? error
      : new ApiError('unreachable', 'The server cannot be reached. Is it still running?');
  }
  if (!response.ok) {
    const found = await response.json().catch(() => null);
    throw fromBody(response.status, found?.error, response.headers.get('Retry-After'));
  }
  return response;
}

function fromBody(status, error, retryAfter) {
  const kinds = { 401: 'key', 429: 'busy', 503: 'unavailable' };
  const kind = kinds[status] ?? (status >= 400 && status < 500 ? 'refused' : 'failed');
  const message = typeof error?.message === 'string' && error.message !== ''
    ? error.message
    : `The server answered with status ${status} and no explanation.`;
  const seconds = Number(retryAfter);
  return new ApiError(kind, message, {
    param: error?.param ?? null,
    retryAfter: retryAfter !== null && Number.isFinite(seconds) ? Math.max(0, seconds) : null,
  });
}
