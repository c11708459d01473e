// Where key and theme are kept, without a browser: what it refused to keep lasts until it keeps something newer.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

// The page is served as modules; nothing says so where its files lie.
const source = await readFile(new URL('../../src/Cinnabar.Server/Page/storage.js', import.meta.url), 'utf8');
const { tabStorage } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

function browser() {
  const kept = new Map();
  const storage = {
    isFull: false,
    getItem: key => kept.get(key) ?? null,
    setItem(key, value) {
      if (storage.isFull) {
        throw new Error('The quota has been exceeded.');
      }
      kept.set(key, value);
    },
  };
  Object.defineProperty(globalThis, 'sessionStorage', { configurable: true, value: storage });
  return storage;
}

test('a value that the browser has no room for is kept by the page', () => {
  const storage = browser();
  tabStorage.set('first', 'old');
  storage.isFull = true;
  tabStorage.set('first', 'new');
  assert.equal(tabStorage.get('first'), 'new');
  assert.equal(storage.getItem('first'), 'old');
  assert.equal(tabStorage.get('none'), null);
});

test('a value that the browser keeps takes the place of one that it did not', () => {
  const storage = browser();
  storage.isFull = true;
  tabStorage.set('second', 'old');
  storage.isFull = false;
  tabStorage.set('second', 'new');
  assert.equal(tabStorage.get('second'), 'new');
  storage.setItem('second', 'newest');
  assert.equal(tabStorage.get('second'), 'newest');
});
