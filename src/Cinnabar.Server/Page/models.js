// The models of the server and which of them is chosen; asks for a key where the server wants one, and tries again by
// itself where the server is unavailable for now, and while it is gone after that: whoever stops it may start it anew.
import { listModels } from './api.js';
import { byId } from './dom.js';
import { askForKey } from './key-dialog.js';
import { hideNotice, isShown, showFailure, showNotice } from './notice.js';

const AGAIN_MS = 1000;

const isLeftToRight = model => model?.cinnabar?.kind === 'autoregressive';

export class ModelChooser {
  #models = [];
  #goesOn = false;
  #next = 0;

  /**
   * @param {() => string|null} wanted the id that the address names
   * @param {() => void} onChoose called when a model has been chosen
   */
  constructor(wanted, onChoose) {
    this.wanted = wanted;
    this.onChoose = onChoose;
    byId('model').addEventListener('change', onChoose);
  }

  /** The chosen model; undefined before there is one. */
  get chosen() {
    return this.#models.find(model => model.id === byId('model').value);
  }

  /**
   * The model that writes left to right, against which the chosen one can race: its twin by name, or else one with the same tokenizer, which
   * learnt the same kind of text; undefined without one.
   */
  get rival() {
    const { chosen } = this;
    if (!chosen || isLeftToRight(chosen)) {
      return undefined;
    }
    const rivals = this.#models.filter(isLeftToRight);
    return rivals.find(({ id }) => id === `${chosen.id}-ar`)
      ?? rivals.find(({ cinnabar }) => cinnabar.tokenizer === chosen.cinnabar?.tokenizer);
  }

  /** Chooses the model that the address names, or else the server's default; nothing before there are models. */
  choose() {
    const byName = this.#models.find(model => model.id === this.wanted());
    const model = byName ?? this.#models.find(({ cinnabar }) => cinnabar?.default) ?? this.#models[0];
    if (model) {
      byId('model').value = model.id;
      byId('model').disabled = false;
      this.onChoose();
    }
  }

  async load() {
    try {
      this.#models = await listModels();
      clearTimeout(this.#next);
      this.#goesOn = false;
      hideNotice();
      this.#show();
    } catch (error) {
      byId('model').disabled = true;
      await this.#explain(error, () => this.load());
    }
  }

  async #explain(error, again) {
    const isGone = error.kind === 'unreachable';
    this.#goesOn = error.kind === 'unavailable' || (isGone && this.#goesOn);
    if (error.kind === 'key' && await askForKey(error.message)) {
      await again();
    } else if (this.#goesOn) {
      const sentence = `${error.message} This page goes on by itself.`;
      if (!isShown(sentence)) { // drawn anew, it would be read aloud anew, and its button lose the focus
        showNotice(sentence, { action: isGone ? again : null });
      }
      clearTimeout(this.#next); // the button may have asked meanwhile
      this.#next = setTimeout(again, AGAIN_MS);
    } else {
      showFailure(error, again);
    }
  }

  #show() {
    const nameOf = model => isLeftToRight(model) ? `${model.id} (left to right)` : model.id;
    byId('model').replaceChildren(...this.#models.map(model => new Option(nameOf(model), model.id)));
    if (this.#models.length === 0) {
      showNotice('The server has no model. Start it with one: cinnabar serve --model NAME.', { action: () => this.load() });
    }
    this.choose();
  }
}
