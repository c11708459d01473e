// The record of a run, without a browser: holes that grow, ends and what is no text, missing steps, times.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

// The page is served as modules; nothing says so where its files lie.
const source = await readFile(new URL('../../src/Cinnabar.Server/Page/trace.js', import.meta.url), 'utf8');
const { Trace } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

const commit = (position, text) => ({ position, token: text.charCodeAt(0), text, confidence: 0.9, alternatives: [] });
const nothing = { committed: [], edited: [], renoised: [] };
const step = (number, changes) => ({ diffusion: { type: 'step', step: number, passes: number, ...nothing, ...changes } });

// x [1 2] y [4] z: in step 1 positions 1 and 4 grow while 2 is written, in step 2 the hole's first position grows once more.
function grown() {
  const trace = new Trace({ texts: ['x', 'y', 'z'], sizes: [2, 1] });
  const holes = [{ start: 1, length: 2 }, { start: 4, length: 1 }];
  const canvas = { length: 6, mask: 0, holes, ids: [1, 0, 0, 2, 0, 3], pieces: ['x', null, null, 'y', null, 'z'] };
  trace.accept({ diffusion: { type: 'canvas', ...canvas } }, 0);
  const leaning = [{ position: 1, alternatives: [{ token: 7, text: 'q', probability: 0.5 }] }];
  trace.accept(step(1, { committed: [commit(2, 'b')], expanded: [1, 4], noisy: leaning }), 1);
  trace.accept(step(2, { committed: [commit(2, 'a')], expanded: [1] }), 2);
  return trace;
}

const shown = state => state.cells.map(cell => `${cell.position}${cell.noisy ? '_' : cell.text}`).filter(Boolean).join(' ');

test('one mask becomes two, and what stands behind it moves', () => {
  const trace = grown();
  assert.equal(shown(trace.stateAt(0)), '1_ 2_ 4_');
  assert.equal(shown(trace.stateAt(1)), '1_ 2_ 3b 5_ 6_');
  assert.deepEqual(trace.stateAt(1).holes, [{ start: 1, length: 3 }, { start: 5, length: 2 }]);
  assert.equal(shown(trace.stateAt(2)), '1_ 2_ 3a 4b 6_ 7_');
  assert.deepEqual(trace.stateAt(2).holes, [{ start: 1, length: 4 }, { start: 6, length: 2 }]);
});

test('what grew is marked in its step alone, and back again', () => {
  const trace = grown();
  const marked = state => state.cells.filter(cell => cell?.change === 'grown').map(cell => cell.position);
  assert.deepEqual(marked(trace.stateAt(1)), [1, 2, 5, 6]);
  assert.deepEqual(marked(trace.stateAt(2)), [1, 2]);
  assert.deepEqual(marked(trace.stateAt(1)), [1, 2, 5, 6]);
  assert.deepEqual(marked(trace.stateAt(0)), []);
});

test('both halves lean towards what the one did', () => {
  const { cells } = grown().stateAt(1);
  assert.deepEqual(cells[1].alternatives, cells[2].alternatives);
  assert.equal(cells[2].alternatives[0].text, 'q');
});

test('where a step saw nothing, what was known before still holds', () => {
  const trace = new Trace({ texts: ['x', 'y'], sizes: [2] });
  const holes = [{ start: 1, length: 2 }];
  trace.accept({ diffusion: { type: 'canvas', length: 4, mask: 0, holes, ids: [1, 0, 0, 2], pieces: ['x', null, null, 'y'] } }, 0);
  const alternatives = [{ token: 7, text: 'q', probability: 0.5 }];
  trace.accept(step(1, { committed: [{ ...commit(2, 'b'), alternatives }], noisy: [{ position: 1, alternatives }] }), 1);
  trace.accept(step(2, { renoised: [2], noisy: [1, 2].map(position => ({ position, alternatives: [] })) }), 2);
  const { cells } = trace.stateAt(2);
  for (const position of [1, 2]) {
    assert.equal(cells[position].noisy, true);
    assert.deepEqual(cells[position].alternatives, alternatives);
  }
});

test('what lies behind the tokens of a continuation is no text', () => {
  const trace = new Trace({ texts: ['x', ''], sizes: [2], continued: true });
  const canvas = { length: 5, mask: 0, holes: [{ start: 1, length: 4 }], ids: [1, 0, 0, 0, 0], pieces: ['x', null, null, null, null] };
  trace.accept({ diffusion: { type: 'canvas', ...canvas } }, 0);
  trace.accept(step(1, { committed: [1, 2, 3, 4].map(position => commit(position, 'a')) }), 1);
  assert.deepEqual([0, 1].map(k => [...trace.stateAt(k).ended]), [[3, 4], [3, 4]]);
  assert.equal(trace.figuresAt(1).tokens, 2);
});

test('steps that are missing are counted by their numbers', () => {
  const trace = grown();
  assert.equal(trace.missedSteps, 0);
  trace.accept(step(5, {}), 3);
  assert.equal(trace.missedSteps, 2);
});

test('a step behind missing ones brings the whole canvas', () => {
  const trace = new Trace({ texts: ['x', 'y'], sizes: [4] });
  const holes = [{ start: 1, length: 4 }];
  const opening = { length: 6, mask: 0, holes, ids: [1, 0, 0, 0, 0, 2], pieces: ['x', null, null, null, null, 'y'] };
  trace.accept({ diffusion: { type: 'canvas', ...opening } }, 0);
  trace.accept(step(1, { committed: [commit(1, 'a'), commit(2, 'b')] }), 1);
  // Missed: 1 was replaced by c, 2 masked again, 3 written.
  const idOf = text => text?.charCodeAt(0) ?? 0;
  const pieces = ['x', 'c', null, 'd', 'e', 'y'];
  const canvas = { length: 6, holes, ids: pieces.map(idOf), pieces, confidences: [null, 0.8, null, 0.7, 0.9, null] };
  const alternatives = [{ token: 7, text: 'q', probability: 0.5 }];
  trace.accept(step(4, { committed: [commit(4, 'e')], noisy: [{ position: 2, alternatives }], canvas }), 2);
  trace.accept(step(5, { committed: [commit(2, 'f')] }), 3);

  assert.equal(trace.missedSteps, 2);
  const { cells } = trace.stateAt(2);
  assert.equal(shown(trace.stateAt(2)), '1c 2_ 3d 4e');
  const own = cells.filter(Boolean);
  assert.deepEqual(own.map(({ change }) => change), ['edited', 'renoised', 'fresh', 'fresh']);
  assert.deepEqual(own.map(({ missed }) => missed), [true, false, true, false]);
  assert.deepEqual(own.map(({ confidence }) => confidence), [0.8, null, 0.7, 0.9]);
  assert.deepEqual(cells[2].alternatives, alternatives);
  assert.equal(shown(trace.stateAt(3)), '1c 2f 3d 4e');
  assert.deepEqual(trace.stateAt(3).cells.filter(Boolean).map(({ change }) => change), [null, 'fresh', null, null]);
  assert.equal(shown(trace.stateAt(1)), '1a 2b 3_ 4_');
});

test('a step behind missing ones brings the holes as long as they have grown', () => {
  const trace = grown();
  const holes = [{ start: 1, length: 5 }, { start: 7, length: 2 }];
  const pieces = ['x', null, 'c', 'd', 'a', 'b', 'y', null, null, 'z'];
  trace.accept(step(5, { canvas: { length: 10, holes, ids: pieces.map(text => text === null ? 0 : 5), pieces } }), 3);
  assert.equal(shown(trace.stateAt(3)), '1_ 2c 3d 4a 5b 7_ 8_');
  assert.deepEqual(trace.stateAt(3).holes, holes);
  assert.equal(shown(trace.stateAt(2)), '1_ 2_ 3a 4b 6_ 7_');
});

test('the server\'s clock says how long a run took, be it more or less than was seen here', () => {
  for (const [seconds, times] of [[0.005, [0, 4, 5]], [0.001, [0, 0, 1]]]) {
    const trace = grown();
    trace.accept({ diffusion: { type: 'done', seconds } }, 3);
    assert.deepEqual(trace.times, times);
  }
});

test('the stream says which tokens end a hole, whatever they are called', () => {
  const trace = new Trace({ texts: ['x', 'y', 'z'], sizes: [3, 1] });
  const holes = [{ start: 1, length: 3, ends: [9] }, { start: 5, length: 1, ends: [] }];
  const canvas = { length: 7, mask: 0, holes, ids: [1, 0, 0, 0, 2, 0, 3], pieces: ['x', null, null, null, 'y', null, 'z'] };
  trace.accept({ diffusion: { type: 'canvas', ...canvas } }, 0);
  const written = [[1, 7, '</s>'], [2, 9, 'over'], [3, 7, 'a'], [5, 9, '<|pad|>']];
  trace.accept(step(1, { committed: written.map(([position, token, text]) => ({ position, token, text, confidence: 0.9 })) }), 1);
  assert.deepEqual([...trace.stateAt(1).ended], [2, 3]);
  assert.equal(trace.figuresAt(1).tokens, 2);
  assert.deepEqual([[0, 9], [0, 7], [1, 9]].map(([hole, token]) => trace.endsHole(hole, token)), [true, false, false]);
});
