// The clipboard. Where the page came over plain HTTP from another machine, browsers give none.

/** Copies a text; resolves to whether it could. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
