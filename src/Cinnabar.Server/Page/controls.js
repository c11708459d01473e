// The settings: fields of the API by their own names. An empty field is the model's default; only changed ones are sent, and kept in the
// address, so that a setting can be shared.
import { el, byId } from './dom.js';
import { FIELDS, valueOf } from './fields.js';

const isHidden = input => input.closest('.field').hidden;

export class Controls {
  /** @param {() => void} onChange called when a field has changed */
  constructor(onChange) {
    this.onChange = onChange;
    this.inputs = new Map();
    byId('fields').replaceChildren(...FIELDS.map(field => this.#build(field)));
    byId('reset').addEventListener('click', () => {
      this.inputs.forEach((input, name) => input.type === 'checkbox' ? input.checked = false : input.value = '');
      this.#changed();
    });
    this.readAddress();
  }

  /** The changed fields that are valid and on offer, by name. */
  get values() {
    const values = {};
    for (const field of FIELDS) {
      const input = this.inputs.get(field.name);
      if (isHidden(input)) {
        continue;
      }
      const text = field.isSwitch ? (input.checked ? 'true' : '') : input.value;
      const value = valueOf(field, text);
      if (value !== undefined) {
        values[field.name] = value;
      }
    }
    return values;
  }

  /** The first field whose content is no value, as a sentence, or null. */
  get problem() {
    for (const [name, input] of this.inputs) {
      const field = FIELDS.find(f => f.name === name);
      if (!field.isSwitch && (input.validity?.badInput || (input.value !== '' && valueOf(field, input.value) === undefined))) {
        const most = field.isBelowMax ? `less than ${field.max}` : field.max;
        const range = `${field.isWhole ? 'a whole number ' : ''}from ${field.min} to ${most}`;
        return `Expected ${field.label} to be ${range}, found ${input.value || 'no number'}.`;
      }
    }
    return null;
  }

  get modelInAddress() {
    return new URLSearchParams(location.hash.slice(1)).get('model');
  }

  /** Shows the defaults of a model as what empty fields stand for, and the fields that it has what they need for. */
  setModel(model) {
    this.model = model;
    for (const { name, needs } of FIELDS.filter(field => field.needs)) {
      this.inputs.get(name).closest('.field').hidden = model?.cinnabar?.[needs] !== true;
    }
    const options = model?.cinnabar?.options ?? {};
    for (const field of FIELDS.filter(f => !f.isSwitch)) {
      const value = options[field.name];
      const text = value === null || value === undefined ? field.off ?? '' : String(value);
      const input = this.inputs.get(field.name);
      if (field.choices) {
        input.options[0].textContent = text === '' ? 'model’s own' : `${text} (model’s)`;
      } else {
        input.placeholder = text;
      }
    }
    this.#mark();
  }

  /** Sets every field to what the address says of it. */
  readAddress() {
    const address = new URLSearchParams(location.hash.slice(1));
    for (const field of FIELDS) {
      const value = valueOf(field, address.get(field.name) ?? '');
      const input = this.inputs.get(field.name);
      if (field.isSwitch) {
        input.checked = value === true;
      } else {
        input.value = value === undefined ? '' : String(value ?? 0);
      }
    }
    this.#mark();
  }

  writeAddress() {
    const address = new URLSearchParams();
    if (this.model && !this.model.cinnabar?.default) {
      address.set('model', this.model.id);
    }
    Object.entries(this.values).forEach(([name, value]) => address.set(name, String(value ?? 0)));
    const hash = address.toString();
    history.replaceState(null, '', hash === '' ? location.pathname + location.search : `#${hash}`);
  }

  #build(field) {
    const oninput = () => this.#changed();
    if (field.isSwitch) {
      const input = el('input', { type: 'checkbox', id: `field-${field.name}`, oninput });
      this.inputs.set(field.name, input);
      const name = el('span', { class: 'field-name' }, field.label);
      return el('label', { class: 'field wide switch', title: field.title, hidden: field.needs !== undefined }, input, name);
    }
    const attributes = { id: `field-${field.name}`, oninput };
    const input = field.choices
      ? el('select', attributes, ...['', ...field.choices].map(choice => el('option', { value: choice }, choice)))
      : el('input', { ...attributes, type: 'number', min: field.min, max: field.max, step: field.isWhole ? 1 : 'any' });
    this.inputs.set(field.name, input);
    const name = el('span', { class: 'field-name' }, field.label);
    const hidden = field.needs !== undefined;
    return el('label', { class: field.isBroad ? 'field broad' : 'field', title: field.title, hidden }, name, input);
  }

  #changed() {
    this.writeAddress();
    this.#mark();
    this.onChange();
  }

  #mark() {
    let count = 0;
    for (const [, input] of this.inputs) {
      const isChanged = !isHidden(input) && (input.type === 'checkbox' ? input.checked : input.value !== '');
      input.closest('.field').classList.toggle('changed', isChanged);
      count += isChanged ? 1 : 0;
    }
    byId('changed').textContent = count === 0 ? 'the model’s own' : count === 1 ? '1 changed' : `${count} changed`;
    byId('reset').disabled = count === 0;
  }
}
