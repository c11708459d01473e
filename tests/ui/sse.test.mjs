// Server-sent events, without a browser: cut anywhere, with all line ends, and broken off.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

// The page is served as modules; nothing says so where its files lie.
const source = await readFile(new URL('../../src/Cinnabar.Server/Page/sse.js', import.meta.url), 'utf8');
const { readEvents } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

// The events of a stream that comes in these pieces, and whether it came to its end.
async function read(...pieces) {
  const body = new ReadableStream({
    start(controller) {
      pieces.forEach(piece => controller.enqueue(piece));
      controller.close();
    },
  });
  const stream = readEvents(body);
  const events = [];
  while (true) {
    const { value, done } = await stream.next();
    if (done) {
      return { events, isFinished: value };
    }
    events.push(value);
  }
}

const bytesOf = text => new TextEncoder().encode(text);

test('events are the same wherever they are cut, with all line ends', async () => {
  const text = 'data: {"a":"é😀"}\n\n: ping\n\ndata: two\ndata:lines\n\ndata: [DONE]\n\n';
  for (const lineEnd of ['\n', '\r\n', '\r']) {
    const bytes = bytesOf(text.replaceAll('\n', lineEnd));
    for (let cut = 1; cut < bytes.length; cut++) {
      const found = await read(bytes.slice(0, cut), bytes.slice(cut));
      assert.deepEqual(found, { events: ['{"a":"é😀"}', 'two\nlines'], isFinished: true });
    }
  }
});

test('an event that the stream broke off in is none', async () => {
  for (const text of ['data: one\n\n', 'data: one\n\ndata: {"tw', 'data: one\n\ndata: [DONE]']) {
    assert.deepEqual(await read(bytesOf(text)), { events: ['one'], isFinished: false });
  }
});
