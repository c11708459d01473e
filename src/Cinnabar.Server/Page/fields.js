// The sampler's fields that the page offers, by their names in the API, and what they take. An empty field is the model's default.

const COUNT = { min: 1, max: 1048576, isWhole: true };
const SHARE = { min: 0.01, max: 1 };

export const FIELDS = [
  {
    name: 'remasking', label: 'Policy', isBroad: true, title: 'Which tokens are committed first',
    choices: ['low_confidence', 'random', 'entropy', 'margin', 'origin'],
  },
  { name: 'steps', label: 'Steps', title: 'Denoising steps for the whole canvas', ...COUNT, fallback: 'one a token' },
  { name: 'block_length', label: 'Block length', title: 'Positions denoised together, leftmost first', ...COUNT, fallback: 'all' },
  { name: 'threshold', label: 'Threshold', title: 'A step also commits every token at least this sure', ...SHARE, fallback: 'off' },
  {
    name: 'temperature', label: 'Temperature', title: '0 takes the most probable token; higher is more varied',
    min: 0, max: 100, fallback: '0',
  },
  { name: 'top_p', label: 'Top-p', title: 'Draw only from the most probable tokens that sum to this', ...SHARE, fallback: 'off' },
  {
    name: 'seed', label: 'Seed', title: 'The same seed gives the same text',
    min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true, fallback: '0',
  },
  {
    name: 'max_tokens', label: 'Max tokens', title: 'Length of a continuation, and of holes without a length',
    ...COUNT, fallback: '64, hole 32',
  },
  {
    name: 'remask_below', label: 'Re-mask below', title: 'Committed tokens that become less probable than this are masked again',
    min: 0.01, max: 0.99, fallback: 'off',
  },
  { name: 'cache', label: 'Cache', title: 'What is kept of earlier passes; not exact', choices: ['none', 'prefix', 'dual', 'active'] },
  { name: 'exact', label: 'Holes exactly as long as they say', isSwitch: true },
];

/** The value of a field's text; null if it is empty or no value of this field. */
export function valueOf(field, text) {
  if (field.isSwitch) {
    return text === 'true' ? true : null;
  }
  if (field.choices) {
    return field.choices.includes(text) ? text : null;
  }
  const number = text.trim() === '' ? NaN : Number(text);
  const isValid = number >= field.min && number <= field.max && (!field.isWhole || Number.isInteger(number));
  return isValid ? number : null;
}
