// The editor: examples, a button for a hole at the cursor, and a tab key that is left to the browser, so that the keyboard can leave it.
import { EXAMPLES } from './examples.js';

export function fillEditor(text, choice, holeButton, onChange) {
  choice.replaceChildren(...EXAMPLES.map(({ name }, i) => new Option(name, i)));
  text.value = EXAMPLES[0].text;
  choice.addEventListener('change', () => {
    text.value = EXAMPLES[Number(choice.value)].text;
    onChange();
  });
  holeButton.addEventListener('click', () => {
    text.setRangeText('<fill:6>', text.selectionStart, text.selectionEnd, 'end');
    text.focus();
    onChange();
  });
  text.addEventListener('input', onChange);
}
