// The record of one run: the canvas before the first step, and what every step did to it. From it follows the state after any step. Where
// steps were not read in time, the next one brings the whole canvas (event.canvas).
//
// A state is {cells, ended, holes}: the holes as long as they are by then, and cells[p] of a position p inside one, undefined elsewhere:
//   {position, hole, noisy, token, text, step, missed, confidence, alternatives, change, origin}
//   step    the step that wrote it; where missed, the first step known of after that
//   change  what the step shown did here: fresh, edited, renoised, grown (one mask became two) or null
//   origin  pinned, or kept (committed before this run, in the run it was forked from), or null
// The server's own known text is not in it: the page shows what was typed, which also holds what the context had no room for.

const NOTHING_KNOWN = { step: 0, missed: false, confidence: null, alternatives: [], change: null, origin: null };

export class Trace {
  // The state asked for last, from which later ones are made.
  #latest = null;

  /**
   * @param {object} document the text with holes, see holes.js, whose sizes are all known
   * @param {{cells: object[], pins: Set<number>}|null} before for a fork: the state it starts from and the pinned positions
   */
  constructor(document, before = null) {
    this.document = document;
    this.before = before;
    this.canvas = null;
    this.steps = [];
    this.times = [0];
    this.done = null;
    this.holeTexts = document.sizes.map(() => '');
    this.finalText = null;
    this.finishReason = null;
  }

  /** Takes one chunk of the stream; `now` in milliseconds, of any clock. */
  accept(chunk, now) {
    this.#takeText(chunk);
    const event = chunk.diffusion;
    if (event?.type === 'canvas') {
      this.#takeCanvas(event, now);
    } else if (event?.type === 'step' && this.canvas) {
      this.steps.push(event);
      this.times.push(now - this.start);
    } else if (event?.type === 'done') {
      this.done = event;
      this.#takeServerTime(event.seconds * 1000);
    }
  }

  /** Whether a token ends the text of a hole: no token of text, but the end or the padding behind it. The stream says which do. */
  endsHole(hole, token) {
    return this.canvas.holes[hole].ends?.includes(token) ?? false;
  }

  get stepCount() {
    return this.steps.length;
  }

  /** How many steps are missing: the server leaves some out where they are read too slowly. */
  get missedSteps() {
    return (this.steps.at(-1)?.step ?? 0) - this.stepCount;
  }

  /** The whole text with what has been filled in. */
  get text() {
    return this.finalText ?? this.document.texts.map((text, i) => text + (this.holeTexts[i] ?? '')).join('');
  }

  /** The last step that had happened at this time of the run, in milliseconds. */
  stepAt(time) {
    const after = this.times.findIndex(t => t > time);
    return after < 0 ? this.stepCount : Math.max(0, after - 1);
  }

  /** The state after step k; 0 is the canvas before the first step. */
  stateAt(k) {
    const last = Math.min(k, this.stepCount);
    if (this.#latest?.step !== last) {
      const isAhead = this.#latest?.step < last;
      let cells = isAhead ? this.#latest.state.cells.map(cell => ({ ...cell, change: null })) : this.#firstCells();
      for (let i = isAhead ? this.#latest.step : 0; i < last; i++) {
        cells = this.#apply(this.steps[i], cells, i + 1, i + 1 === last);
      }
      const holes = this.#holesOf(cells);
      this.#latest = { step: last, state: { cells, ended: this.#endedOf(cells, holes), holes } };
    }
    return this.#latest.state;
  }

  /** Steps, passes, tokens and seconds after step k. */
  figuresAt(k) {
    const step = Math.min(k, this.stepCount);
    const { cells, ended } = this.stateAt(step);
    const finished = this.done !== null && step === this.stepCount;
    const seconds = finished ? this.done.seconds : this.times[step] / 1000;
    return {
      step,
      passes: finished ? this.done.passes : step === 0 ? 0 : this.steps[step - 1].passes,
      tokens: cells.filter(cell => cell && !cell.noisy && !ended.has(cell.position)).length,
      seconds,
      tokensPerSecond: finished ? this.done.tokens_per_second : null,
    };
  }

  /** The ids after step k for a request that goes on from there, the mask where a position is noisy. */
  idsAt(k) {
    const ids = [...this.canvas.ids];
    for (const cell of this.stateAt(k).cells) {
      if (cell) {
        ids[cell.position] = cell.noisy ? this.canvas.mask : cell.token;
      }
    }
    return ids;
  }

  #takeText(chunk) {
    for (const { index, delta } of chunk.holes ?? []) {
      if (typeof delta === 'string' && index in this.holeTexts) {
        this.holeTexts[index] += delta;
      }
    }
    const choice = chunk.choices?.[0];
    this.holeTexts[0] += choice?.delta?.content ?? choice?.text ?? '';
    this.finalText = chunk.object === 'infill.chunk' && typeof chunk.text === 'string' ? chunk.text : this.finalText;
    this.finishReason = chunk.finish_reason ?? choice?.finish_reason ?? this.finishReason;
  }

  #takeCanvas(event, now) {
    if (event.holes.length !== this.document.sizes.length) {
      throw new Error(`expected a canvas with ${this.document.sizes.length} holes, found ${event.holes.length}`);
    }
    this.canvas = event;
    this.start = now;
  }

  // How long the run took says the server's clock, which starts before the first event has arrived here, and does not run while the text
  // waits for others. What differs at the end lies before the first step.
  #takeServerTime(whole) {
    const lead = whole - this.times.at(-1);
    this.times = this.times.map((time, step) => step === 0 ? 0 : Math.max(0, time + lead));
  }

  #firstCells() {
    return cellsOf(this.canvas, cell => {
      const earlier = this.before?.cells[cell.position];
      if (earlier) {
        cell.alternatives = earlier.alternatives;
        cell.confidence = earlier.token === cell.token ? earlier.confidence : null;
        cell.step = earlier.token === cell.token ? earlier.step : 0;
      }
      if (!cell.noisy) {
        cell.origin = this.before?.pins.has(cell.position) ? 'pinned' : 'kept';
      }
      return cell;
    });
  }

  // The cells after a step; those before it may change.
  #apply(event, cells, step, isShown) {
    if (event.canvas) {
      return resumed(event, cells, step, isShown);
    }
    for (const [list, change] of [[event.committed, 'fresh'], [event.edited, 'edited']]) {
      for (const { position, token, text, confidence, alternatives } of list ?? []) {
        const cell = cells[position];
        if (cell) {
          const origin = this.before?.pins.has(position) ? 'pinned' : null;
          const written = { noisy: false, token, text, step, missed: false, confidence: confidence ?? null, origin };
          Object.assign(cell, { ...written, change: isShown ? change : null });
          cell.alternatives = alternatives ?? cell.alternatives;
        }
      }
    }
    for (const position of event.renoised ?? []) {
      if (cells[position]) {
        const change = isShown ? 'renoised' : null;
        Object.assign(cells[position], { noisy: true, token: null, text: '', confidence: null, origin: null, change });
      }
    }
    for (const { position, alternatives } of event.noisy ?? []) {
      // A step reads nothing behind its block, nor where it has just masked again: what was known there before still holds.
      if (cells[position]?.noisy && alternatives?.length > 0) {
        cells[position].alternatives = alternatives;
      }
    }
    // All positions of a step are numbered as before it; from the last on, those that are left keep their numbers.
    for (const position of (event.expanded ?? []).toReversed()) {
      grow(cells, position, isShown);
    }
    return cells;
  }

  #holesOf(cells) {
    return this.canvas.holes.map((hole, index) => {
      const own = cells.filter(cell => cell?.hole === index);
      return { ...hole, start: own[0]?.position ?? hole.start, length: own.length };
    });
  }

  // The positions that are no text: a settled end token and what is settled behind it in the same hole; and of a continuation what lies
  // behind the tokens that were asked for, where a network that works in blocks fills the last one up.
  #endedOf(cells, holes) {
    const ended = new Set();
    holes.forEach((hole, index) => {
      const most = this.document.continued ? this.document.sizes[index] : Infinity;
      let behind = false;
      for (let position = hole.start; position < hole.start + hole.length; position++) {
        const cell = cells[position];
        behind ||= !cell.noisy && cell.origin !== 'pinned' && this.endsHole(index, cell.token);
        if ((behind && !cell.noisy) || position - hole.start >= most) {
          ended.add(position);
        }
      }
    });
    return ended;
  }
}

// What a canvas says of each position of its holes, completed by `complete`.
function cellsOf(canvas, complete) {
  const cells = new Array(canvas.length);
  canvas.holes.forEach((hole, index) => {
    for (let position = hole.start; position < hole.start + hole.length; position++) {
      const text = canvas.pieces[position];
      const noisy = text === null || text === undefined;
      const token = noisy ? null : canvas.ids[position];
      cells[position] = complete({ position, hole: index, noisy, token, text: text ?? '', ...NOTHING_KNOWN });
    }
  });
  return cells;
}

// The cells after a step before which others were missed, from the canvas that it brings. What differs from the last known state changed in
// one of these steps; where holes have grown meanwhile, nobody knows which position was which.
function resumed(event, before, step, isShown) {
  const hasGrown = event.canvas.length !== before.length;
  const cells = cellsOf(event.canvas, cell => {
    const earlier = hasGrown ? undefined : before[cell.position];
    if (earlier && earlier.noisy === cell.noisy && earlier.token === cell.token) {
      return { ...earlier, change: null };
    }
    const change = cell.noisy ? 'renoised' : earlier?.noisy ? 'fresh' : 'edited';
    const confidence = event.canvas.confidences?.[cell.position] ?? null;
    const written = cell.noisy ? {} : { step, missed: true, confidence };
    return { ...cell, ...written, alternatives: earlier?.alternatives ?? [], change: isShown && earlier ? change : null };
  });
  // The lists of the step itself number positions as before it.
  const own = event.expanded?.length > 0 ? [] : [...event.committed ?? [], ...event.edited ?? [], ...event.noisy ?? []];
  for (const { position, token, alternatives } of own) {
    const cell = cells[position];
    if (cell && alternatives?.length > 0) {
      cell.alternatives = alternatives;
    }
    if (cell && token !== undefined) {
      cell.missed = false;
    }
  }
  return cells;
}

// One mask becomes two.
function grow(cells, position, isShown) {
  const cell = cells[position];
  if (cell?.noisy) {
    cell.change = isShown ? 'grown' : null;
    cells.splice(position + 1, 0, { ...cell });
    cells.forEach((moved, at) => { moved.position = at; });
  }
}

/** The token of a cell and its alternatives, most probable first, each once: [{token, text, probability}]. */
export function candidatesOf(cell) {
  const candidates = new Map();
  if (!cell.noisy) {
    candidates.set(cell.token, { token: cell.token, text: cell.text, probability: cell.confidence });
  }
  for (const { token, text, probability } of cell.alternatives) {
    if (!candidates.has(token)) {
      candidates.set(token, { token, text, probability });
    }
  }
  return [...candidates.values()].sort((a, b) => (b.probability ?? 2) - (a.probability ?? 2));
}

/** Positions whose tokens differ between two states of canvases of the same shape. */
export function differences(one, other) {
  const differing = new Set();
  one.cells.forEach((cell, position) => {
    const counterpart = other.cells[position];
    const bothHidden = one.ended.has(position) && other.ended.has(position);
    if (cell && counterpart && !bothHidden && (cell.noisy !== counterpart.noisy || cell.token !== counterpart.token)) {
      differing.add(position);
    }
  });
  return differing;
}
