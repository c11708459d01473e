// What the tests share: the server at CINNABAR_URL with the key CINNABAR_API_KEY, and OpenAI's client for it.
import { test } from 'node:test';
import OpenAI from 'openai';

const url = process.env.CINNABAR_URL;
export const key = process.env.CINNABAR_API_KEY;

/** How many texts the server takes at once, where that is few enough to try it. */
export const room = Number(process.env.CINNABAR_ROOM) || null;

/** A client; `options` are more of its own. */
export const clientWith = options => new OpenAI({ baseURL: `${url}/v1`, apiKey: key ?? 'none', maxRetries: 0, ...options });
export const client = clientWith({});

const { data: models } = await client.models.list();

/** A model that fills holes, and one with a chat template; undefined: there is none. */
export const filler = models.find(model => model.cinnabar.kind === 'masked')?.id;
export const talker = models.find(model => model.cinnabar.chat)?.id;

/** Tests that need such a model. */
export const fillTest = (name, body) => test(name, { skip: filler ? false : 'needs a model that fills holes' }, body);
export const chatTest = (name, body) => test(name, { skip: talker ? false : 'needs a model with a chat template' }, body);

/** All that a stream or another source yields. */
export async function all(source) {
  const items = [];
  for await (const item of source) {
    items.push(item);
  }
  return items;
}

/** The sum of a metric over the models. */
export async function metric(name) {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
  const lines = (await response.text()).split('\n').filter(line => line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Waits until something holds; false if it does not within the time. */
export async function within(milliseconds, holds) {
  const end = performance.now() + milliseconds;
  while (!await holds()) {
    if (performance.now() > end) {
      return false;
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  return true;
}
