// Draws a state of a canvas: the known text as it was typed, and an element for every position of a hole. Elements stay; a new state only
// changes those that differ. One position at a time is in the tab order; arrow keys go on to its neighbours.
import { el } from './dom.js';
import { gridSide } from './holes.js';

// Upper limits of the shades of confidence; below the second a token is also underlined.
const SHADES = [0.3, 0.5, 0.7, 0.9];

const shadeOf = confidence => confidence === null ? SHADES.length : SHADES.filter(limit => confidence >= limit).length;

export class CanvasView {
  /** @param {(position: number, element: HTMLElement, how: 'hover'|'focus'|'open'|'leave') => void} onPoint */
  constructor(onPoint) {
    this.element = el('div', { class: 'canvas', role: 'group', 'aria-label': 'Canvas' });
    this.onPoint = onPoint;
    this.shape = null;
    this.nodes = [];
    this.hovered = null;
    this.#listen();
  }

  /** Shows masks of expected sizes, before there is a run. */
  preview(document, sizes) {
    const holes = [];
    let start = 0;
    sizes.forEach(length => {
      holes.push({ start, length: Math.min(length, 1024) });
      start += length;
    });
    const cells = [];
    holes.forEach((hole, index) => {
      for (let position = hole.start; position < hole.start + hole.length; position++) {
        cells[position] = { position, hole: index, noisy: true, text: '', alternatives: [], change: null, origin: null };
      }
    });
    this.draw(document, holes, { cells, ended: new Set() }, { inert: true });
  }

  /**
   * @param {object} document the text with holes
   * @param {{start: number, length: number, lead: ?string}[]} holes
   * @param {{cells: object[], ended: Set<number>}} state
   * @param {{changes?: object, differing?: Set<number>, guesses?: boolean, inert?: boolean}} how
   */
  draw(document, holes, state, how = {}) {
    this.#build(document, holes, how.inert === true);
    this.state = state;
    this.nodes.forEach((node, position) => {
      const cell = state.cells[position];
      const isHidden = state.ended.has(position);
      const classes = isHidden ? 'cell padding' : classesOf(cell, how, position);
      const text = isHidden ? '' : this.#textOf(cell, how.guesses);
      if (node.className !== classes) {
        node.className = classes;
      }
      if (node.textContent !== text) {
        node.textContent = text;
      }
      if (!how.inert) {
        node.hidden = isHidden && !this.isGrid; // in a grid all cells behind it would move
        node.setAttribute('aria-label', labelOf(cell));
      }
    });
    if (!how.inert) {
      this.#keepReachable();
    }
  }

  nodeAt(position) {
    return this.nodes[position];
  }

  /** Scrolls the canvas, and nothing else, so that a position is in sight. */
  reveal(position) {
    if (this.nodes[position].hidden) {
      return; // it lies nowhere
    }
    const node = this.nodes[position].getBoundingClientRect();
    const frame = this.element.getBoundingClientRect();
    if (node.top < frame.top || node.bottom > frame.bottom) {
      this.element.scrollTop += node.top - frame.top - frame.height / 3;
    }
  }

  #build(document, holes, inert) {
    const shape = JSON.stringify([document.texts, holes, inert]);
    if (shape === this.shape) {
      return;
    }
    this.shape = shape;
    this.document = document;
    this.nodes = [];
    const parts = [];
    // A Sudoku is drawn as one: every known digit is a cell too.
    const side = gridSide(document, holes);
    this.isGrid = side !== undefined;
    this.element.classList.toggle('grid', this.isGrid);
    this.element.style.setProperty('--side', side ?? 1);
    document.texts.forEach((text, i) => {
      parts.push(...(side ? [...text] : [text]).map(piece => el('span', { class: 'known' }, piece)));
      const hole = holes[i];
      for (let position = hole?.start; position < hole?.start + hole?.length; position++) {
        const node = inert ? el('span') : el('span', { role: 'button', tabindex: '-1', 'data-position': position });
        this.nodes[position] = node;
        // A line may break before any position, and never inside a token.
        parts.push(...(side ? [node] : [el('wbr'), node]));
      }
    });
    if (side) {
      parts.forEach((part, cell) => part.setAttribute('data-shade', shadeOfBox(cell, side)));
    }
    this.element.replaceChildren(...parts);
    this.leads = new Map(holes.map(hole => [hole.start, hole.lead ?? '']));
  }

  // In the tab order is the position that was, or the first one if that is hidden now.
  #keepReachable() {
    const shown = this.nodes.filter(node => !node.hidden);
    this.#putInTabOrder(shown.find(node => node.tabIndex === 0) ?? shown[0]);
  }

  #putInTabOrder(node) {
    this.nodes.forEach(other => { other.tabIndex = other === node ? 0 : -1; });
  }

  #textOf(cell, guesses) {
    const guess = guesses ? cell.alternatives[0]?.text ?? '' : '';
    const text = cell.noisy ? guess : cell.text;
    const lead = this.leads.get(cell.position) ?? '';
    const shown = text.startsWith(lead) ? text.slice(lead.length) : text;
    return cell.noisy ? shown.replaceAll('\n', '↵') : shown;
  }

  #listen() {
    const positionOf = event => event.target.closest?.('[data-position]') ?? null;
    const point = how => event => {
      const node = positionOf(event);
      if (node) {
        this.onPoint(Number(node.dataset.position), node, how);
      }
    };
    this.element.addEventListener('pointermove', event => this.#hover(positionOf(event)));
    this.element.addEventListener('pointerleave', () => this.#hover(null));
    this.element.addEventListener('focusin', event => {
      const node = positionOf(event);
      if (node) {
        this.#putInTabOrder(node);
        if (node.matches(':focus-visible')) {
          this.onPoint(Number(node.dataset.position), node, 'focus');
        }
      }
    });
    this.element.addEventListener('focusout', point('leave'));
    this.element.addEventListener('click', point('open'));
    this.element.addEventListener('keydown', event => this.#key(event, positionOf(event)));
  }

  // Only a pointer that moves points at something: what comes to lie under a resting one does not.
  #hover(node) {
    if (node === this.hovered) {
      return;
    }
    const [last, how] = node ? [node, 'hover'] : [this.hovered, 'leave'];
    this.hovered = node;
    this.onPoint(Number(last.dataset.position), last, how);
  }

  #key(event, node) {
    const moves = { ArrowLeft: -1, ArrowRight: 1 };
    if (!node || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      event.stopPropagation();
      this.onPoint(Number(node.dataset.position), node, 'open');
    } else if (event.key in moves || event.key === 'Home' || event.key === 'End') {
      event.preventDefault();
      event.stopPropagation();
      const shown = this.nodes.filter(other => !other.hidden);
      const at = shown.indexOf(node) + (moves[event.key] ?? 0);
      const target = event.key === 'Home' ? shown[0] : event.key === 'End' ? shown.at(-1) : shown[at];
      target?.focus();
    }
  }
}

// The boxes of a Sudoku are shaded by turns.
function shadeOfBox(cell, side) {
  const box = Math.sqrt(side);
  return (Math.floor(cell / side / box) + Math.floor((cell % side) / box)) % 2;
}

function classesOf(cell, how, position) {
  const classes = ['cell'];
  if (cell.noisy) {
    classes.push('mask');
    if (how.guesses && cell.alternatives.length > 0) {
      classes.push('guess');
    }
  } else {
    const shade = shadeOf(cell.confidence);
    classes.push(cell.origin === 'pinned' ? 'pinned' : `c${shade}`);
    if (cell.text.includes('\n')) {
      classes.push('newline');
    }
  }
  if (cell.change) {
    classes.push(cell.change);
  }
  const change = how.changes?.kindAt(position);
  if (change) {
    classes.push(`will-${change}`);
  }
  if (how.differing?.has(position)) {
    classes.push('differs');
  }
  return classes.join(' ');
}

function labelOf(cell) {
  if (cell.noisy) {
    return `position ${cell.position}: mask`;
  }
  const confidence = cell.confidence === null ? '' : `, ${Math.round(cell.confidence * 100)} % sure`;
  return `position ${cell.position}: ${visible(cell.text)}${confidence}`;
}

/** A token's text with its white space made visible. */
export const visible = text =>
  text === '' ? '(empty)' : text.replaceAll('\r', '␍').replaceAll('\n', '↵').replaceAll('\t', '⇥').replaceAll(' ', '␣');
