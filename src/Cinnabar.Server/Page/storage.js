// The browser's storage. Where it is blocked, every access to it throws: what is kept then lasts as long as the page.

function storageOf(open) {
  const kept = new Map();
  const attempt = (use, otherwise) => {
    try {
      return use(open());
    } catch {
      return otherwise();
    }
  };
  return {
    get: key => kept.get(key) ?? attempt(storage => storage.getItem(key), () => null),
    set: (key, value) => attempt(storage => {
      storage.setItem(key, value);
      kept.delete(key);
    }, () => kept.set(key, value)),
  };
}

/** Kept until the tab is closed: {get(key), null without a value; set(key, value)}. */
export const tabStorage = storageOf(() => sessionStorage);

/** Kept in this browser. */
export const browserStorage = storageOf(() => localStorage);
