// The runs and forks as tabs, and what the one on show can be compared with.
import { el, byId } from './dom.js';

/** @param {(run: object) => void} onSelect */
export function drawTabs(runs, selected, onSelect) {
  const tabs = byId('tabs');
  const hadFocus = tabs.contains(document.activeElement);
  const reachable = runs.list.includes(selected) ? selected : runs.list.at(-1); // none is selected while a new text is shown
  const buttons = runs.list.map(run => el('button', {
    type: 'button', role: 'tab', class: 'tab', title: titleOf(run), onclick: () => onSelect(run),
    'aria-selected': String(run === selected), 'aria-controls': 'lanes', tabindex: run === reachable ? 0 : -1,
  }, run.rival ? `${run.label}, race` : run.label));
  tabs.replaceChildren(...buttons);
  revealTab();
  if (hadFocus) {
    buttons[runs.list.indexOf(reachable)]?.focus();
  }
}

// Scrolls the row of tabs, and nothing else, so that the tab that the keyboard reaches is in sight.
function revealTab() {
  const tabs = byId('tabs');
  const tab = tabs.querySelector('[tabindex="0"]');
  if (tab === null) {
    return;
  }
  const [frame, place] = [tabs, tab].map(element => element.getBoundingClientRect());
  tabs.scrollLeft += Math.min(0, place.left - frame.left) + Math.max(0, place.right - frame.right);
}

export function listenToTabs(runs, onSelect) {
  new ResizeObserver(revealTab).observe(byId('tabs'));
  byId('tabs').addEventListener('keydown', event => {
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    if (event.key in moves) {
      event.preventDefault();
      event.stopPropagation();
      const next = runs.list[[...byId('tabs').children].indexOf(event.target) + moves[event.key]];
      if (next) {
        onSelect(next);
      }
    }
  });
}

export function drawCompare(runs, selected, other) {
  const choices = selected && !selected.rival ? runs.comparableWith(selected) : [];
  byId('compare-row').hidden = choices.length === 0;
  const none = el('option', { value: '' }, 'nothing');
  const options = choices.map(run => el('option', { value: runs.list.indexOf(run), selected: run === other }, run.label));
  byId('compare').replaceChildren(none, ...options);
}

const titleOf = run => run.state === 'failed' ? `${run.model.id}: ${run.error.message}` : run.model.id;
