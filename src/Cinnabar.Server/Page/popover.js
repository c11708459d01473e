// What is known of one position at the step shown: its token, its alternatives, and what can be done with them.
import { el, byId } from './dom.js';
import { visible } from './canvas-view.js';
import { candidatesOf } from './trace.js';

const HOVER_MS = 140;
const GRACE_MS = 260;

export class Popover {
  /** @param {{pin, ban, edit, rerun}} actions what the buttons do; edit returns a sentence if it cannot */
  constructor(actions) {
    this.actions = actions;
    this.element = byId('popover');
    this.target = null;
    this.isSticky = false;
    this.isPressed = false;
    this.timer = 0;
    this.element.addEventListener('pointerdown', () => { this.isPressed = true; });
    ['pointerup', 'pointercancel'].forEach(type => addEventListener(type, () => { this.isPressed = false; }));
    this.element.addEventListener('pointerenter', () => clearTimeout(this.timer));
    this.element.addEventListener('pointerleave', () => this.leave());
    this.element.addEventListener('keydown', event => event.key === 'Escape' && this.close(true));
    document.addEventListener('keydown', event => event.key === 'Escape' && this.close(this.element.contains(document.activeElement)));
    document.addEventListener('pointerdown', event => {
      if (!this.element.contains(event.target) && !event.target.closest?.('[data-position]')) {
        this.close();
      }
    });
    addEventListener('resize', () => this.#place());
    addEventListener('scroll', () => this.#place(), { passive: true, capture: true });
  }

  /** Reacts to a pointer or the focus on a position: hover, focus or open. `target` is {run, step, cell, node, canFork}. */
  point(target, how) {
    clearTimeout(this.timer);
    if (how === 'open') {
      this.#show(target, true);
      this.element.querySelector('input, button')?.focus();
    } else if (!this.isSticky) {
      this.timer = setTimeout(() => this.#show(target, false), how === 'focus' || this.target ? 0 : HOVER_MS);
    }
  }

  leave() {
    clearTimeout(this.timer);
    if (!this.isSticky) {
      this.timer = setTimeout(() => this.close(), GRACE_MS);
    }
  }

  /** Shows the same position of another step, unless somebody is at work in it; closes if it has nothing to show. */
  refresh(find) {
    const next = this.target && find(this.target);
    if (next && !this.isPressed && !this.element.contains(document.activeElement)) {
      this.#show(next, this.isSticky);
    } else if (this.target && !next) {
      this.close();
    }
  }

  close(giveFocusBack = false) {
    clearTimeout(this.timer);
    const node = this.target?.node;
    this.target = null;
    this.isSticky = false;
    this.element.hidden = true;
    if (giveFocusBack) {
      node?.focus();
      clearTimeout(this.timer);
    }
  }

  #show(target, isSticky) {
    this.target = target;
    this.isSticky = isSticky;
    const { cell, step, canFork } = target;
    const candidates = candidatesOf(cell);
    this.element.setAttribute('aria-label', `Position ${cell.position}`);
    this.element.replaceChildren(
      el('div', { class: 'popover-head' },
        el('code', { class: 'popover-token' }, cell.noisy ? 'mask' : visible(cell.text)),
        el('span', { class: 'popover-place' }, `position ${cell.position}`)),
      el('p', { class: 'popover-story' }, storyOf(cell)),
      this.#candidateList(cell, candidates),
      canFork ? this.#buttons(candidates) : el('p', { class: 'help' }, canForkSentence(target)),
      canFork ? this.#editForm(target) : null,
      canFork ? this.#button(`Re-run from step ${step}`, { class: 'primary rerun', onclick: () => this.#act('rerun') }) : null);
    this.element.hidden = false;
    this.#place();
  }

  #candidateList(cell, candidates) {
    if (candidates.length === 0) {
      return el('p', { class: 'help' }, 'No alternatives are known here.');
    }
    const list = el('div', { class: 'candidates', role: 'radiogroup', 'aria-label': 'Alternatives' });
    candidates.forEach(({ token, text, probability }, i) => {
      const bar = el('span', { class: 'bar', 'aria-hidden': 'true' });
      bar.style.setProperty('--share', `${Math.round((probability ?? 1) * 1000) / 10}%`);
      list.append(el('label', { class: token === cell.token ? 'candidate current' : 'candidate' },
        el('input', { type: 'radio', name: 'candidate', value: token, checked: i === 0 && cell.noisy || token === cell.token }),
        el('code', {}, visible(text)),
        el('span', { class: 'probability' }, percent(probability)),
        bar));
    });
    return list;
  }

  #buttons(candidates) {
    const disabled = candidates.length === 0;
    return el('div', { class: 'popover-actions' },
      this.#button('Pin', { disabled, title: 'The selected token stands here from now on', onclick: () => this.#act('pin') }),
      this.#button('Ban', { disabled, title: 'The selected token never stands here', onclick: () => this.#act('ban') }),
      this.#button('Edit', { 'aria-expanded': 'false', title: 'Write a token of your own', onclick: event => this.#openEdit(event) }));
  }

  #button(text, attributes) {
    return el('button', { type: 'button', ...attributes }, text);
  }

  #editForm(target) {
    const input = el('input', { type: 'text', 'aria-label': 'Text of one token', spellcheck: 'false', autocomplete: 'off' });
    input.value = target.cell.text;
    const problem = el('p', { class: 'problem', role: 'alert' });
    const form = el('form', { class: 'edit', hidden: true, onsubmit: async event => {
      event.preventDefault();
      problem.textContent = '';
      const sentence = await this.actions.edit(target, input.value);
      if (sentence !== null) {
        problem.textContent = sentence;
      } else if (this.target?.node === target.node) {
        this.close(true); // else another position was opened meanwhile
      }
    } }, input, el('button', { type: 'submit' }, 'Use'), problem);
    return form;
  }

  #openEdit(event) {
    const form = this.element.querySelector('.edit');
    form.hidden = !form.hidden;
    event.target.setAttribute('aria-expanded', String(!form.hidden));
    this.#place();
    form.querySelector('input').select();
  }

  #act(action) {
    const target = this.target;
    const chosen = Number(this.element.querySelector('input[name=candidate]:checked')?.value);
    const candidate = candidatesOf(target.cell).find(({ token }) => token === chosen);
    this.close(action !== 'rerun');
    this.actions[action](target, candidate);
  }

  // Below the position if there is room, else above it, within the window.
  #place() {
    if (!this.target || this.element.hidden) {
      return;
    }
    const at = this.target.node.getClientRects()[0] ?? this.target.node.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
    const below = at.bottom + 8;
    const top = below + height <= innerHeight - 8 ? below : Math.max(8, at.top - height - 8);
    this.element.style.left = `${left}px`;
    this.element.style.top = `${top}px`;
  }
}

const percent = p => p === null || p === undefined ? '–' : p >= 0.9995 ? '100 %' : p < 0.001 ? '< 0.1 %' : `${(p * 100).toFixed(1)} %`;

function storyOf(cell) {
  if (cell.noisy) {
    return cell.change === 'renoised' ? 'Masked again in this step.'
      : cell.change === 'grown' ? 'The hole grew here in this step; the model leaned towards:'
      : 'Not decided yet; the model leans towards:';
  }
  if (cell.origin === 'pinned') {
    return 'Pinned: it stands here and never changes.';
  }
  const kept = cell.origin === 'kept' ? ', kept from the run before' : '';
  const sure = cell.confidence === null ? '' : `, ${percent(cell.confidence)} sure`;
  const when = `${cell.missed ? 'by' : 'in'} step ${cell.step}`;
  return `${cell.change === 'edited' ? 'Replaced' : 'Committed'} ${when}${kept}${sure}.`;
}

const canForkSentence = ({ run }) => run.model.cinnabar?.kind === 'autoregressive'
  ? 'A model that writes left to right cannot go on from here.'
  : run.model.cinnabar?.kind === 'masked' ? 'The hole has grown: a run cannot go on from here.'
  : 'This model’s noise is not the mask: a run cannot go on from here.';
