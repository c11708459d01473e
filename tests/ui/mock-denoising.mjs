// The scripted denoising: the chunks of one stream, with the events of include_steps.
//
// A diffusion model commits about a third of what is left in each step, surest first; in its third step it masks one committed position
// again, in its fourth it edits one. Holes that may grow do so in the first two. An autoregressive model commits one token a step from the
// left. Every step brings the whole canvas after it, which the server does only where steps were missed.
import { BEGIN, MASK, PAD } from './mock-vocabulary.mjs';

// What the holes become, one after the other; behind it stands padding.
const ANSWERS = [
  [' _count', ';'],
  [' _items', '.', 'Length'],
  ['-', '-', '_count'],
  ['    ', 'return', ' a', ' >', ' b', ' ?', ' a', ' :', ' b', ';', '\n', '}', '\n'],
];
const GROWS_FROM = 4;
const OTHERS = [' items', ' value', '.', ' index', ' null', ' this', '(', ' =', ' 0', ' item'];

/** @param {{path, body, kind, vocabulary, script: {tokens: string[], others: string[]}|null, seconds}} request */
export function* denoise(request) {
  const { body, kind } = request;
  const layout = layoutOf(request);
  const known = idsAtStart(layout, body);
  const scripted = scriptFor(layout, request);
  const run = { ...layout, ids: [...known], ...scripted, step: 0, settled: layout.holes.map(() => 0) };
  const { confidences, ...opening } = stateOf(run, request);
  yield chunkOf(request, run, { type: 'canvas', mask: MASK, ...opening });
  const started = Date.now();
  while (run.ids.includes(MASK)) {
    const step = kind === 'autoregressive' ? leftToRight(run, request) : refine(run, request);
    yield chunkOf(request, run, { ...step, canvas: stateOf(run, request) });
  }
  const seconds = request.seconds ?? Math.max(0.001, (Date.now() - started) / 1000);
  const tokens = run.holes.reduce((sum, hole) => sum + hole.length, 0);
  const figures = { steps: run.step, passes: run.step, seconds, tokens_per_second: tokens / seconds, new_tokens: tokens };
  yield lastChunk(request, run, { type: 'done', ...figures, seed: body.seed ?? 4711 });
}

function layoutOf({ path, body, vocabulary }) {
  const segments = body.segments ?? [body.prompt ?? body.messages[0].content, { hole: { max_tokens: body.max_tokens } }];
  const ids = [BEGIN];
  const holes = [];
  const most = [];
  for (const [i, segment] of segments.entries()) {
    const before = segments[i - 1];
    if (typeof segment === 'string') {
      ids.push(...vocabulary.encode(segment));
    } else {
      most.push(segment.hole.max_tokens);
      const length = body.length === 'grow' ? Math.min(most.at(-1), GROWS_FROM) : most.at(-1);
      const lead = typeof before === 'string' ? /(?<=\S) $|\n+$/u.exec(before)?.[0] ?? '' : '';
      holes.push({ start: ids.length, length, kind: path === '/v1/infill' ? 'infill' : 'continuation', ends: [PAD], lead });
      ids.push(...new Array(length).fill(MASK));
    }
  }
  return { segments, holes, most, ids };
}

function stateOf({ holes, ids }, { vocabulary }) {
  const isWritten = position => ids[position] !== MASK && holes.some(({ start, length }) => position >= start && position < start + length);
  return {
    length: ids.length, holes, ids: [...ids], pieces: ids.map(id => id === MASK ? null : vocabulary.textOf(id)),
    confidences: ids.map((_, position) => isWritten(position) ? sureness(position) : null),
  };
}

function idsAtStart({ ids }, { canvas, pins }) {
  const start = [...(canvas?.ids ?? ids)];
  (pins ?? []).forEach(({ position, token }) => start[position] = token);
  return start;
}

// What each position becomes: the script's token unless it is banned; behind the script, padding.
function scriptFor({ holes, ids }, { body, vocabulary, script }) {
  const idOf = token => token === vocabulary.textOf(PAD) ? PAD : vocabulary.idOf(token);
  const others = (script?.others ?? OTHERS).map(idOf);
  const bans = new Map((body.bans ?? []).map(({ position, tokens: banned }) => [position, banned]));
  const pinned = new Set((body.pins ?? []).map(({ position }) => position));
  const target = new Array(ids.length);
  let next = 0;
  holes.forEach(({ start, length, kind }, index) => {
    const answer = kind === 'continuation' ? ANSWERS.at(-1) : ANSWERS[index % ANSWERS.length];
    for (let position = start; position < start + length; position++) {
      const text = script ? script.tokens[next++ % script.tokens.length] : answer[position - start];
      const wanted = text === undefined ? PAD : idOf(text);
      const banned = bans.get(position) ?? [];
      target[position] = banned.includes(wanted) ? others.find(id => !banned.includes(id)) : wanted;
    }
  });
  return { target, others, pinned };
}

const sureness = position => 0.12 + 0.87 * ((position * 7919 + 13) % 97) / 97;

const noisyOf = run => run.ids.flatMap((id, position) => id === MASK ? [position] : []);

function refine(run, request) {
  run.step++;
  const sureFirst = noisyOf(run).sort((a, b) => sureness(b) - sureness(a));
  const committed = sureFirst.slice(0, Math.max(1, Math.ceil(sureFirst.length / 3))).sort((a, b) => a - b);
  const free = committedBefore(run).filter(position => !run.pinned.has(position));
  const renoised = run.step === 3 ? free.slice(0, 1) : [];
  const edits = run.step === 4 ? free.slice(1, 2) : [];
  committed.forEach(position => run.ids[position] = run.target[position]);
  renoised.forEach(position => run.ids[position] = MASK);
  const step = event(run, request, { committed, renoised, edits });
  return { ...step, ...growth(run, request) };
}

// In each hole that may grow the first mask becomes two; positions are numbered as before.
function growth(run, request) {
  const expanded = run.holes.flatMap(({ start, length }, index) => {
    const mask = run.ids.indexOf(MASK, start);
    const grows = request.body.length === 'grow' && run.step <= 2 && length < run.most[index] && mask >= 0 && mask < start + length;
    return grows ? [mask] : [];
  });
  for (const position of expanded.toReversed()) {
    run.ids.splice(position + 1, 0, MASK);
    run.holes = run.holes.map(hole => position < hole.start ? { ...hole, start: hole.start + 1 }
      : position < hole.start + hole.length ? { ...hole, length: hole.length + 1 } : hole);
  }
  Object.assign(run, expanded.length > 0 && scriptFor(run, request));
  return expanded.length > 0 ? { expanded, remaining: noisyOf(run).length } : {};
}

function committedBefore(run) {
  const positions = run.holes.flatMap(({ start, length }) => Array.from({ length }, (_, i) => start + i));
  return positions.filter(position => run.ids[position] !== MASK);
}

function leftToRight(run, request) {
  run.step++;
  const position = run.ids.indexOf(MASK);
  run.ids[position] = run.target[position];
  return event(run, request, { committed: [position], renoised: [], edits: [] });
}

function event(run, { vocabulary, body }, { committed, renoised, edits }) {
  const candidate = (token, probability) => ({ token, text: vocabulary.textOf(token), probability });
  const count = body.alternatives ?? 0;
  const alternatives = position => run.others.slice(0, count).map((token, i) => candidate(token, (1 - sureness(position)) / 2 ** (i + 1)));
  const commit = position => {
    const token = run.ids[position];
    return { position, token, text: vocabulary.textOf(token), confidence: sureness(position), alternatives: alternatives(position) };
  };
  const noisy = noisyOf(run);
  // As the server: the step has not looked at what it masks again.
  const leaningOf = position => [candidate(run.target[position], sureness(position)), ...alternatives(position)].slice(0, count);
  const leaning = position => ({ position, alternatives: renoised.includes(position) ? [] : leaningOf(position) });
  return {
    type: 'step', step: run.step, passes: run.step, block: 0, remaining: noisy.length, settled: committedBefore(run).length,
    committed: committed.map(commit), edited: edits.map(commit), renoised, noisy: count > 0 ? noisy.map(leaning) : undefined,
  };
}

// A chunk with the text that has settled since the last one: a hole's from the left, up to its first mask; nothing while the script may
// still mask or edit again.
function chunkOf({ path, body, vocabulary }, run, diffusion) {
  const isOpen = run.step <= 4 && run.ids.includes(MASK);
  const deltas = run.holes.map(({ start, length }, index) => {
    const from = run.settled[index];
    const end = run.ids.slice(start, start + length).indexOf(MASK);
    run.settled[index] = isOpen ? from : end < 0 ? length : end;
    return { index, delta: textOf(run.ids.slice(start + from, start + run.settled[index]), vocabulary) };
  });
  const common = { id: 'mock', model: body.model, diffusion };
  if (path === '/v1/infill') {
    return { ...common, object: 'infill.chunk', holes: deltas.filter(({ delta }) => delta !== ''), finish_reason: null };
  }
  const text = deltas[0].delta;
  const isChat = path === '/v1/chat/completions';
  const choice = isChat ? { delta: text === '' ? {} : { content: text } } : { text };
  const object = isChat ? 'chat.completion.chunk' : 'text_completion';
  return { ...common, object, choices: [{ index: 0, ...choice, finish_reason: null }] };
}

const textOf = (ids, vocabulary) => ids.filter(id => id !== PAD).map(id => vocabulary.textOf(id)).join('');

function lastChunk(request, run, diffusion) {
  const chunk = chunkOf(request, run, diffusion);
  if (request.path !== '/v1/infill') {
    chunk.choices[0].finish_reason = 'length';
    return chunk;
  }
  let hole = 0;
  const filled = ({ start, length }) => textOf(run.ids.slice(start, start + length), request.vocabulary);
  const text = run.segments.map(segment => typeof segment === 'string' ? segment : filled(run.holes[hole++])).join('');
  return { ...chunk, finish_reason: 'stop', text };
}
