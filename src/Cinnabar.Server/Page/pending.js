// The changes noted at a run as chips, and the button that re-runs with them. What has not changed stays when a step arrives: a button that
// is made anew loses the focus, and the click that it was just pressed for.
import { visible } from './canvas-view.js';
import { el, byId } from './dom.js';

export class Pending {
  #box = byId('pending');
  #button = el('button', { type: 'button', class: 'primary' });
  #run = null;
  #drawn = '';

  /** @param {{onRemove: () => void, onRerun: () => void}} events a change was taken back; the button was pressed */
  constructor({ onRemove, onRerun }) {
    this.onRemove = onRemove;
    this.#button.addEventListener('click', onRerun);
  }

  /** Shows the changes of a run, null without one, and the step that a re-run would go on from. */
  show(run, step) {
    this.#box.hidden = !run || run.changes.size === 0;
    if (this.#box.hidden) {
      return;
    }
    this.#button.textContent = `Re-run from step ${step}`;
    const { pins, bans } = run.changes;
    const changes = JSON.stringify([[...pins], [...bans].map(([position, tokens]) => [position, [...tokens]])]);
    if (run !== this.#run || changes !== this.#drawn) {
      this.#run = run;
      this.#drawn = changes;
      this.#draw(run.changes);
    }
  }

  #draw(changes) {
    const pins = [...changes.pins].map(([position, { text }]) => this.#chip('pin', position, text, () => changes.unpin(position)));
    const bans = [...changes.bans].flatMap(([position, tokens]) =>
      [...tokens].map(([token, text]) => this.#chip('ban', position, text, () => changes.unban(position, token))));
    const hadFocus = this.#box.contains(document.activeElement);
    this.#box.replaceChildren(...pins, ...bans, this.#button);
    if (hadFocus) {
      this.#button.focus();
    }
  }

  #chip(what, position, text, remove) {
    const onclick = () => {
      remove();
      this.onRemove();
    };
    const button = el('button', { type: 'button', 'aria-label': `Take back: ${what} at ${position}`, onclick }, '✕');
    return el('span', { class: `chip ${what}` }, what, el('code', {}, visible(text)), `at ${position}`, button);
  }
}
