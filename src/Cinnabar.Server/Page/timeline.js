// A slider over the stops of a track, with play, speed and following: while text arrives the playhead goes on to the newest stop, not
// faster than the eye. A track is {stops: ascending numbers, isClock, label(position)}; stops are steps, or milliseconds of a clock.
import { el, prefersLessMotion } from './dom.js';

const STEP_MS = 300;
const FOLLOW_MS = 90;
const CATCH_UP_MS = 1500;
const SPEEDS = [0.25, 0.5, 1, 2, 4];

export class Timeline {
  /** @param {(position: number) => void} onMove called when the playhead has moved */
  constructor(element, onMove) {
    this.onMove = onMove;
    this.track = { stops: [0], isClock: false, label: () => '' };
    this.position = 0;
    this.isFollowing = true;
    this.isPlaying = false;
    this.#build(element);
  }

  #build(element) {
    const button = (label, icon, onclick) =>
      el('button', { type: 'button', class: 'quiet', 'aria-label': label, onclick }, el('span', { class: `icon ${icon}` }));
    this.back = button('Step back', 'icon-back', () => this.step(-1));
    this.play = button('Play', 'icon-play', () => this.toggle());
    this.forward = button('Step forward', 'icon-forward', () => this.step(1));
    this.slider = el('input', { type: 'range', min: 0, max: 0, value: 0, step: 'any', 'aria-label': 'Step',
      oninput: () => this.seek(this.#nearest(Number(this.slider.value))),
      onkeydown: event => this.#sliderKey(event) });
    const speeds = SPEEDS.map(speed => el('option', { value: speed, selected: speed === 1 }, `${speed}×`));
    this.speed = el('select', { 'aria-label': 'Speed' }, ...speeds);
    this.label = el('span', { class: 'timeline-label' }); // no output element: that is read aloud at every step
    element.replaceChildren(
      el('div', { class: 'timeline-buttons' }, this.back, this.play, this.forward), this.slider, this.speed, this.label);
    this.#show();
  }

  /** Takes a new track, or a longer one. Without a position the playhead stays where it is, unless it follows. */
  set(track, { position = null, follow = this.isFollowing } = {}) {
    this.track = track;
    this.isFollowing = follow;
    if (position !== null) {
      this.#moveTo(position);
    }
    this.position = Math.min(this.position, track.stops.at(-1));
    this.#show();
    if (this.isFollowing && !this.isPlaying) {
      this.#follow();
    }
  }

  seek(position) {
    this.pause();
    this.isFollowing = position === this.track.stops.at(-1);
    this.#moveTo(position);
  }

  step(direction) {
    const stops = this.track.stops;
    const next = direction > 0 ? stops.find(stop => stop > this.position) : stops.findLast(stop => stop < this.position);
    if (next !== undefined) {
      this.seek(next);
    }
  }

  toggle() {
    if (this.isPlaying) {
      this.pause();
    } else {
      this.start();
    }
  }

  start() {
    if (this.position >= this.track.stops.at(-1)) {
      this.#moveTo(this.track.stops[0]);
    }
    this.isPlaying = true;
    this.isFollowing = false;
    this.#show();
    const frame = ++this.frame;
    let last = performance.now();
    const tick = now => {
      if (this.frame !== frame || !this.isPlaying) {
        return;
      }
      const passed = Math.max(0, now - last) * Number(this.speed.value); // a frame begins before the click that is handled in it
      if (this.track.isClock || passed >= STEP_MS) {
        last = now;
        const end = this.track.stops.at(-1);
        this.#moveTo(this.track.isClock
          ? Math.min(end, this.position + passed)
          : this.track.stops.find(stop => stop > this.position) ?? end);
        if (this.position >= end) {
          this.isFollowing = true;
          this.pause();
          return;
        }
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    this.frame = (this.frame ?? 0) + 1;
    this.isPlaying = false;
    clearTimeout(this.following);
    this.following = 0;
    this.#show();
  }

  #follow() {
    const backlog = this.track.stops.filter(stop => stop > this.position);
    if (backlog.length === 0 || this.following) {
      return;
    }
    if (this.track.isClock || prefersLessMotion()) {
      this.#moveTo(this.track.stops.at(-1));
      return;
    }
    this.#moveTo(backlog[0]);
    this.following = setTimeout(() => {
      this.following = 0;
      if (this.isFollowing && !this.isPlaying) {
        this.#follow();
      }
    }, Math.min(FOLLOW_MS, CATCH_UP_MS / backlog.length));
  }

  #moveTo(position) {
    this.position = position;
    this.#show();
    this.onMove(position);
  }

  #sliderKey(event) {
    const moves = { ArrowLeft: -1, ArrowDown: -1, PageDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 1 };
    if (event.key in moves) {
      event.preventDefault();
      event.stopPropagation();
      this.step(moves[event.key]);
    }
  }

  #nearest(value) {
    const nearer = (best, stop) => Math.abs(stop - value) < Math.abs(best - value) ? stop : best;
    return this.track.isClock ? value : this.track.stops.reduce(nearer);
  }

  #show() {
    const end = this.track.stops.at(-1);
    this.slider.max = end;
    this.slider.value = this.position;
    this.slider.disabled = end === 0;
    this.slider.style.setProperty('--played', `${end === 0 ? 0 : this.position / end * 100}%`);
    const label = this.track.label(this.position);
    this.label.textContent = label;
    this.slider.setAttribute('aria-valuetext', label);
    this.back.disabled = this.position <= this.track.stops[0];
    this.forward.disabled = this.position >= end;
    this.play.disabled = end === 0;
    this.play.firstElementChild.className = this.isPlaying ? 'icon icon-pause' : 'icon icon-play';
    this.play.setAttribute('aria-label', this.isPlaying ? 'Pause' : 'Play');
  }
}
