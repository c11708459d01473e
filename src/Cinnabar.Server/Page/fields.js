// The fields that the page offers, by their names in the API, but for two switches about holes, and what they take. An empty field is the
// model's default; 0 in a field that can be off turns it off, which the API writes as null. A field may need something of the model, by the
// name that /v1/models has for it.

const COUNT = { min: 1, max: 1048576, isWhole: true };
const OFF_OR_COUNT = { ...COUNT, min: 0, canBeOff: true };
const OFF_OR_SHARE = { min: 0, max: 1, canBeOff: true };

export const FIELDS = [
  {
    name: 'remasking', label: 'Policy', isBroad: true, title: 'Which tokens are committed first',
    choices: ['low_confidence', 'random', 'entropy', 'margin', 'origin'],
  },
  { name: 'steps', label: 'Steps', title: 'Denoising steps for the whole canvas; 0: one per token', ...OFF_OR_COUNT, off: 'one per token' },
  { name: 'block_length', label: 'Block length', title: 'Positions denoised together; 0: all', ...OFF_OR_COUNT, off: 'all' },
  { name: 'threshold', label: 'Threshold', title: 'A step also commits what is at least this sure; 0: off', ...OFF_OR_SHARE, off: 'off' },
  { name: 'temperature', label: 'Temperature', title: '0 takes the most probable token; higher is more varied', min: 0, max: 2, off: '0' },
  { name: 'top_p', label: 'Top-p', title: 'Draw only from the most probable tokens that sum to this; 0: off', ...OFF_OR_SHARE, off: 'off' },
  {
    name: 'seed', label: 'Seed', title: 'The same seed gives the same text; the end of a run tells the one it had',
    min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true, off: 'another each time',
  },
  { name: 'max_tokens', label: 'Max tokens', title: 'Length of a continuation, and of holes without a length', ...COUNT, off: '' },
  {
    name: 'remask_below', label: 'Re-mask below', title: 'Committed tokens that become less probable than this are masked again; 0: off',
    ...OFF_OR_SHARE, isBelowMax: true, off: 'off',
  },
  { name: 'cache', label: 'Cache', title: 'What is kept of earlier passes; not exact', choices: ['none', 'prefix', 'dual', 'active'] },
  {
    name: 'left_to_right', label: 'Left to right', needs: 'drafts', choices: ['true', 'false'], isTruth: true,
    title: 'A text that goes on, or one hole of no exact length, is written as the network does that reads left to right',
  },
  {
    name: 'draft_tokens', label: 'Drafts', needs: 'drafts', ...OFF_OR_COUNT, max: 256, off: 'off',
    title: 'The text of reading left to right in fewer passes: so many tokens are drafted at a time at most; 0: off',
  },
  { name: 'exact', label: 'Holes exactly as long as they say', isSwitch: true },
  {
    name: 'grow', label: 'Holes start short and grow as the model asks', isSwitch: true, needs: 'grows',
    title: 'A hole gets positions where the model asks for them, at most as many as it says',
  },
];

/** The value of a field's text for the API, null for off; undefined if the text is empty or none of this field's. */
export function valueOf(field, text) {
  if (field.isSwitch) {
    return text === 'true' ? true : undefined;
  }
  if (field.choices) {
    return !field.choices.includes(text) ? undefined : field.isTruth ? text === 'true' : text;
  }
  const number = text.trim() === '' ? NaN : Number(text);
  const isInRange = number >= field.min && (field.isBelowMax ? number < field.max : number <= field.max);
  const isValid = isInRange && (!field.isWhole || Number.isInteger(number));
  return !isValid ? undefined : number === 0 && field.canBeOff ? null : number;
}
