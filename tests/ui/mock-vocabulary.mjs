// Tokens of the mock: words with the space before them, runs of digits, single signs; ids in the order in which they are first seen.

const SPECIAL = ['<|mask|>', '<|endoftext|>', '<|pad|>', '<|begin|>'];
const TOKEN = / ?[A-Za-z_]+| ?[0-9]+|\n *|[^\S\n]+|[^A-Za-z0-9_\s]/gu;

export class Vocabulary {
  constructor() {
    this.texts = [...SPECIAL];
    this.ids = new Map();
  }

  encode(text) {
    return (text.match(TOKEN) ?? []).map(token => this.idOf(token));
  }

  /** The id of one token, known or not. Text never becomes a special token. */
  idOf(token) {
    if (!this.ids.has(token)) {
      this.ids.set(token, this.texts.push(token) - 1);
    }
    return this.ids.get(token);
  }

  textOf(id) {
    return this.texts[id];
  }
}

export const MASK = 0;
export const PAD = 2;
export const BEGIN = 3;
