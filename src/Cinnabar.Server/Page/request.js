// What a run asks the server for: the path and the body, from the text, the model and the settings.
import { parseDocument, toSegments } from './holes.js';

const HOLE_TOKENS = 32;
const GROWS_FROM = 4; // positions of a hole that grows, as the server has it
const CONTINUATION_TOKENS = 64;
// Alternatives of every mask in every step: their number grows with the square of the holes' length, so long ones get fewer.
const ALTERNATIVES = [[160, 6], [400, 3], [Infinity, 1]];
// Of models of other kinds than masked the only sampler fields with a meaning.
const KNOWN = { autoregressive: ['temperature', 'top_p', 'seed'], uniform: ['steps', 'seed'], latent: ['steps', 'seed'] };
// Kinds of models that tell what else a token could have been.
const TELLING = ['masked', 'autoregressive'];

/**
 * Makes a request: {path, body, document, sizes}, the document with all its sizes, and the sizes that its holes have at first.
 * @param {string} text what stands in the editor
 * @param {{id: string, cinnabar?: object}} model an entry of /v1/models
 * @param {object} settings changed fields only, by their names in the API, beside them max_tokens, exact and grow
 * @param {boolean} asChat whether a text without holes is a message to a chat model
 */
export function makeRequest(text, model, settings, asChat) {
  const { max_tokens: maxTokens, exact, grow, ...sampler } = settings;
  const parsed = parseDocument(text);
  const document = { ...parsed, sizes: mostSizes(parsed, settings, model) };
  const sizes = expectedSizes(parsed, settings, model);
  const kind = model.cinnabar?.kind ?? 'masked';
  const known = KNOWN[kind];
  const fields = known ? Object.fromEntries(Object.entries(sampler).filter(([name]) => known.includes(name))) : sampler;
  const tokens = document.sizes.reduce((sum, size) => sum + size, 0);
  const [, alternatives] = ALTERNATIVES.find(([most]) => tokens <= most);
  const common = { ...fields, stream: true, stream_options: { include_steps: true }, ...TELLING.includes(kind) && { alternatives } };
  if (!document.continued) {
    const segments = toSegments(document, exact);
    const length = grows(parsed, settings, model) ? { length: 'grow' } : {};
    return { path: '/v1/infill', body: { model: model.id, segments, ...length, ...common }, document, sizes };
  }
  if (asChat && model.cinnabar?.chat) {
    const messages = [{ role: 'user', content: text }];
    const shown = { ...document, texts: [`${text}\n\n`, ''] };
    return { path: '/v1/chat/completions', body: { model: model.id, messages, max_tokens: tokens, ...common }, document: shown, sizes };
  }
  return { path: '/v1/completions', body: { model: model.id, prompt: text, max_tokens: tokens, ...common }, document, sizes };
}

/** The length of each hole at first, before the server has said so. */
export function expectedSizes(document, settings, model) {
  const sizes = mostSizes(document, settings, model);
  return grows(document, settings, model) && !settings.exact ? sizes.map(size => Math.min(size, GROWS_FROM)) : sizes;
}

// The most tokens of each hole.
function mostSizes(document, settings, model) {
  const standard = document.continued ? model?.cinnabar?.options?.max_tokens ?? CONTINUATION_TOKENS : HOLE_TOKENS;
  return document.sizes.map(size => size ?? settings.max_tokens ?? standard);
}

const grows = (document, settings, model) => !document.continued && settings.grow === true && model?.cinnabar?.grows === true;

/** The same request without what only this page needs: one plain answer. */
export function asPlain({ path, body }) {
  const { stream, stream_options: options, alternatives, ...plain } = body;
  return { path, body: plain };
}
