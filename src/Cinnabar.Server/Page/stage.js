// What is on show: the preview, one run, two compared runs, or a race; at the position of the timeline.
import { byId } from './dom.js';
import { Lane } from './lane.js';
import { Timeline } from './timeline.js';
import { clockTrack, stepTrack, verdict } from './tracks.js';
import { differences } from './trace.js';

export class Stage {
  /** @param {{onPoint: function, onMove: function}} events a pointer on a position; the timeline or a run moved on */
  constructor({ onPoint, onMove }) {
    this.lanes = [new Lane(onPoint), new Lane(onPoint)];
    byId('lanes').append(...this.lanes.map(lane => lane.element));
    this.onMove = onMove;
    this.run = null;
    this.other = null;
    this.timeline = new Timeline(byId('timeline'), () => this.draw());
    byId('guesses').addEventListener('change', () => this.draw());
    this.#arrange();
  }

  get isRace() {
    return this.run?.rival !== undefined;
  }

  preview(document, sizes) {
    this.run = null;
    this.other = null;
    this.#arrange();
    byId('lanes').classList.remove('running');
    this.lanes[0].preview('', document, sizes);
    this.timeline.pause();
    this.timeline.set({ stops: [0], isClock: false, label: () => '' }, { position: 0 });
    byId('status').textContent = 'Before the first step everything in a hole is a mask. Run it, and watch the masks become text.';
  }

  /** Shows a run from its newest step on, or from its start while it arrives. */
  show(run) {
    this.run = run;
    this.other = run.rival ?? null;
    this.timeline.pause();
    this.#arrange();
    const track = this.#track();
    this.timeline.set(track, { position: run.state === 'running' ? 0 : track.stops.at(-1), follow: true });
    this.draw();
  }

  /** Puts another run beside the one on show; null takes it away. */
  compare(other) {
    this.other = other;
    this.#arrange();
    this.timeline.set(this.#track(), { follow: this.timeline.isFollowing });
    const differing = [...this.draw() ?? []];
    if (differing.length > 0) {
      this.lanes.forEach(lane => lane.view.reveal(Math.min(...differing)));
    }
  }

  /** Shows both runs of a race from the start, on one clock. */
  replay() {
    this.timeline.set(this.#track(), { position: 0, follow: false });
    this.timeline.start();
  }

  /** Tells that a run has changed; drawn with the next frame. */
  update(run) {
    if ((run === this.run || run === this.other) && !this.isWaiting) {
      this.isWaiting = true;
      requestAnimationFrame(() => {
        this.isWaiting = false;
        if (this.run) {
          this.timeline.set(this.#track());
          this.draw();
        }
      });
    }
  }

  /** Draws what is on show; returns the positions that differ, if two runs are compared. */
  draw() {
    if (!this.run) {
      return undefined;
    }
    const guesses = byId('guesses').checked;
    const shown = this.other ? [this.run, this.other] : [this.run];
    const steps = shown.map(run => this.isRace ? run.trace.stepAt(this.timeline.position) : this.timeline.position);
    const isDiff = this.other && !this.isRace && shown.every(run => run.trace.canvas);
    const states = isDiff ? shown.map((run, i) => run.trace.stateAt(steps[i])) : [];
    const differing = isDiff ? differences(states[0], states[1]) : undefined;
    shown.forEach((run, i) => this.lanes[i].show(run, steps[i], this.#nameOf(run), { guesses, differing }));
    if (this.timeline.isFollowing || this.timeline.isPlaying) {
      shown.forEach((_, i) => this.lanes[i].revealChange());
    }
    const sentence = this.#sentence(differing);
    if (byId('status').textContent !== sentence) {
      byId('status').textContent = sentence; // only then: what is written anew is read aloud anew
    }
    byId('lanes').classList.toggle('running', shown.some(run => run.state === 'running'));
    this.onMove();
    return differing;
  }

  /** The step of the run that is shown; the timeline of a race counts milliseconds. */
  get stepShown() {
    const { position } = this.timeline;
    return Math.min(this.isRace ? this.run.trace.stepAt(position) : position, this.run.trace.stepCount);
  }

  #nameOf(run) {
    return this.isRace ? run.model.id : run.label;
  }

  #track() {
    return this.isRace ? clockTrack([this.run, this.other]) : stepTrack(this.run, this.other);
  }

  #arrange() {
    this.lanes[1].element.hidden = this.other === null;
    byId('lanes').classList.toggle('double', this.other !== null);
    this.lanes.forEach(lane => lane.element.classList.toggle('named', this.other !== null));
  }

  #sentence(differing) {
    const { state, trace } = this.run;
    if (this.isRace && this.other.state === 'done' && state === 'done') {
      return verdict([this.run, this.other]);
    }
    if (differing) {
      const many = differing.size === 1 ? '1 position differs' : `${differing.size} positions differ`;
      return differing.size === 0 ? 'Both runs agree here.' : `${many}, marked in both.`;
    }
    if (state === 'running') {
      return trace.canvas === null ? 'Waiting for the server…' : 'Denoising…';
    }
    const seed = trace.done?.seed === undefined ? '' : `, with seed ${trace.done.seed}`;
    const done = trace.finishReason === 'length' ? `Done: the canvas is full${seed}.` : `Done${seed}.`;
    const ends = { stopped: 'Stopped.', failed: 'Ended by an error.', done };
    const missed = trace.missedSteps === 0 ? ''
      : trace.missedSteps === 1 ? ' One step was not read in time: the next one shows its changes, too.'
      : ` ${trace.missedSteps} steps were not read in time: the next ones show their changes, too.`;
    const more = trace.stepCount === 0 ? '' : ' Point at a token to see what else it could have been.';
    return ends[state] + missed + more;
  }
}
