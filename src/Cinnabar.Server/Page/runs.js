// Runs and their forks: each run is one request and the trace of its stream.
import { streamChunks } from './api.js';
import { Trace } from './trace.js';

const MOST = 24;

/** Changes to be made to single positions when a run is forked. */
class Changes {
  constructor() {
    this.pins = new Map();
    this.bans = new Map();
  }

  get size() {
    return this.pins.size + [...this.bans.values()].reduce((sum, tokens) => sum + tokens.size, 0);
  }

  pin(position, token, text) {
    this.pins.set(position, { token, text });
    this.bans.get(position)?.delete(token);
  }

  ban(position, token, text) {
    if (this.pins.get(position)?.token === token) {
      this.pins.delete(position);
    }
    this.bans.set(position, (this.bans.get(position) ?? new Map()).set(token, text));
  }

  unpin(position) {
    this.pins.delete(position);
  }

  unban(position, token) {
    this.bans.get(position).delete(token);
  }

  clear() {
    this.pins.clear();
    this.bans.clear();
  }

  kindAt(position) {
    return this.pins.has(position) ? 'pin' : this.bans.get(position)?.size > 0 ? 'ban' : null;
  }
}

export class Run {
  /** @param {object|null} before of a fork what it starts from, see Trace */
  constructor(label, model, request, before = null) {
    this.label = label;
    this.model = model;
    this.request = request;
    this.trace = new Trace(request.document, before);
    this.changes = new Changes();
    this.state = 'running';
    this.error = null;
    this.controller = new AbortController();
  }

  stop() {
    this.controller.abort();
  }

  /** Reads the stream to its end; never throws. `onChange` is called after every chunk and at the end. */
  async read(onChange) {
    try {
      for await (const chunk of streamChunks(this.request.path, this.request.body, this.controller.signal)) {
        this.trace.accept(chunk, performance.now());
        onChange(this);
      }
      this.state = 'done';
    } catch (error) {
      this.state = this.controller.signal.aborted ? 'stopped' : 'failed';
      this.error = this.state === 'failed' ? error : null;
    }
    onChange(this);
  }
}

export class Runs {
  constructor() {
    this.list = [];
    this.roots = 0;
  }

  begin(model, request) {
    return this.#add(new Run(`run ${++this.roots}`, model, request));
  }

  /** The run of another model that races against a run; it is shown beside it and has no tab of its own. */
  beside(run, model, request) {
    return new Run(run.label, model, request);
  }

  /** Whether a fork of a run after a step would have anything to denoise. */
  hasWork(run, step) {
    return startOf(run, step).ids.includes(run.trace.canvas.mask);
  }

  /** A run that goes on from the state of another after a step, with the changes noted at that run. */
  fork(run, step) {
    const { ids, cells, pins, bans, pinned } = startOf(run, step);
    const { canvas, pins: oldPins, bans: oldBans, ...rest } = run.request.body;
    // Without a seed every request has another one: a fork keeps its parent's, so that it differs by the changes alone.
    const seed = rest.seed ?? run.trace.done?.seed;
    const body = { ...rest, canvas: { ids } };
    Object.assign(body, seed !== undefined && { seed }, pins.length > 0 && { pins }, bans.length > 0 && { bans });
    return this.#add(new Run(`${run.label} ▸ step ${step}`, run.model, { ...run.request, body }, { cells, pins: pinned }));
  }

  /** The same run once more. */
  again(run) {
    return this.#add(new Run(run.label, run.model, run.request, run.trace.before));
  }

  /** The runs whose canvas has the same text and the same holes. */
  comparableWith(run) {
    const shape = shapeOf(run);
    return shape === null ? [] : this.list.filter(other => other !== run && shapeOf(other) === shape);
  }

  #add(run) {
    this.list.push(run);
    if (this.list.length > MOST) {
      this.list.shift();
    }
    return run;
  }
}

function shapeOf(run) {
  const holes = run.trace.canvas?.holes.map(({ start, length }) => [start, length]);
  return holes ? JSON.stringify([run.model.id, holes, run.trace.document.texts]) : null;
}

// The canvas that a fork starts from: what a ban forbids is masked again.
function startOf(run, step) {
  const { pins, bans, pinned } = merged(run);
  const ids = run.trace.idsAt(step);
  const { cells } = run.trace.stateAt(step);
  for (const { position, token } of pins) {
    ids[position] = token;
  }
  for (const { position, tokens } of bans) {
    if (!pinned.has(position) && cells[position] && tokens.includes(ids[position])) {
      ids[position] = run.trace.canvas.mask;
    }
  }
  return { ids, cells, pins, bans, pinned };
}

// What a fork sends: the pins and bans its parent had, then the changes; a new ban takes the pin of its token away.
function merged(run) {
  const pins = new Map((run.request.body.pins ?? []).map(({ position, token }) => [position, token]));
  const bans = new Map((run.request.body.bans ?? []).map(({ position, tokens }) => [position, new Set(tokens)]));
  for (const [position, tokens] of run.changes.bans) {
    for (const token of tokens.keys()) {
      bans.set(position, (bans.get(position) ?? new Set()).add(token));
      if (pins.get(position) === token) {
        pins.delete(position);
      }
    }
  }
  for (const [position, { token }] of run.changes.pins) {
    pins.set(position, token);
    bans.get(position)?.delete(token);
  }
  const inOrder = map => [...map].sort(([a], [b]) => a - b);
  return {
    pins: inOrder(pins).map(([position, token]) => ({ position, token })),
    bans: inOrder(bans).filter(([, tokens]) => tokens.size > 0).map(([position, tokens]) => ({ position, tokens: [...tokens] })),
    pinned: new Set(pins.keys()),
  };
}
