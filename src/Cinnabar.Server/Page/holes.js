// Text with holes: `<fill>` is a hole of the default length, `<fill:N>` one of at most N tokens. Without a mark the text is continued.
//
// A document is {texts: [n + 1 strings], sizes: [n numbers or null], continued}. A continuation is a document with one hole at its end.

const MARK = /<fill(?::([0-9]+))?>/g;
const MAX_HOLE = 1 << 20;

export function parseDocument(text) {
  const texts = [];
  const sizes = [];
  let start = 0;
  for (const match of text.matchAll(MARK)) {
    texts.push(text.slice(start, match.index));
    sizes.push(match[1] === undefined ? null : Math.min(Number(match[1]), MAX_HOLE));
    start = match.index + match[0].length;
  }
  texts.push(text.slice(start));
  if (sizes.length > 0) {
    return { texts, sizes, continued: false };
  }
  return { texts: [text, ''], sizes: [null], continued: true };
}

/** The segments of /v1/infill, of a document with all its sizes: strings and holes, without empty strings. */
export function toSegments(document, exact) {
  const segments = [];
  document.texts.forEach((text, i) => {
    if (text !== '') {
      segments.push(text);
    }
    if (i < document.sizes.length) {
      const hole = { max_tokens: document.sizes[i] };
      segments.push({ hole: exact ? { ...hole, exact: true } : hole });
    }
  });
  return segments;
}

const DIGITS = /^[0-9]*$/;
const GRIDS = new Map([[81, 9], [16, 4]]);

/** The side of the Sudoku that a document is: digits and holes, as many as a grid has cells; undefined for any other text. */
export function gridSide(document, holes) {
  const digits = document.texts.every(text => DIGITS.test(text));
  const cells = document.texts.join('').length + holes.reduce((sum, hole) => sum + hole.length, 0);
  return digits && holes.length > 1 ? GRIDS.get(cells) : undefined;
}
