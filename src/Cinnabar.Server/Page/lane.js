// One canvas with its name and its figures. Two lanes stand side by side to compare two runs or to race two models.
import { CanvasView } from './canvas-view.js';
import { el } from './dom.js';

const FIXED = { minimumFractionDigits: 2, maximumFractionDigits: 2 };

export const seconds = value => `${value.toLocaleString('en', FIXED)} s`;

export class Lane {
  constructor(onPoint) {
    this.view = new CanvasView((position, node, how) => onPoint(this, position, node, how));
    this.name = el('h3', { class: 'lane-name' });
    this.figures = el('span', { class: 'lane-figures' });
    this.element = el('div', { class: 'lane' }, el('div', { class: 'lane-head' }, this.name, this.figures), this.view.element);
    this.run = null;
  }

  preview(name, document, sizes) {
    this.run = null;
    this.state = null;
    this.name.textContent = name;
    this.figures.textContent = '';
    this.view.preview(document, sizes);
  }

  /** Shows a run after a step; without a canvas yet, masks of the expected sizes. */
  show(run, step, name, how) {
    if (run.trace.canvas === null) {
      this.preview(name, run.request.document, run.request.sizes);
      this.figures.textContent = run.state === 'running' ? 'waiting' : '';
      this.run = run;
      return;
    }
    this.run = run;
    this.step = Math.min(step, run.trace.stepCount);
    this.name.textContent = name;
    this.figures.textContent = figuresOf(run.trace.figuresAt(this.step));
    this.state = run.trace.stateAt(this.step);
    this.view.draw(run.request.document, this.state.holes, this.state, { ...how, changes: run.changes });
  }

  /** Scrolls the canvas to what the step shown has changed first, if that is out of sight. */
  revealChange() {
    const changed = this.state?.cells.find(cell => cell?.change && !this.state.ended.has(cell.position));
    if (this.run && changed) {
      this.view.reveal(changed.position);
    }
  }

  /** What the popover needs to know of a position, or null. */
  targetAt(position) {
    const cell = this.run?.trace.canvas && this.state?.cells[position];
    const node = this.view.nodeAt(position);
    if (!cell || !node || node.hidden) {
      return null;
    }
    const { mask, length } = this.run.trace.canvas;
    const hasGrown = this.state.cells.length > length; // the server begins with the length that holes have at first
    const canFork = Number.isInteger(mask) && mask >= 0 && !hasGrown && this.run.model.cinnabar?.kind === 'masked';
    return { run: this.run, step: this.step, cell, node, lane: this, canFork };
  }
}

function figuresOf({ passes, tokens, seconds: time, tokensPerSecond }) {
  const rate = tokensPerSecond ?? (time > 0 ? tokens / time : 0);
  return `${passes} ${passes === 1 ? 'pass' : 'passes'} · ${tokens} ${tokens === 1 ? 'token' : 'tokens'} · ${seconds(time)}`
    + ` · ${Math.round(rate).toLocaleString('en')} tokens/s`;
}
