// The editor: examples, a button for a hole at the cursor, and a tab key that is left to the browser, so that the keyboard can leave it. The
// tab keeps the text, so that a page loaded anew shows what was typed.
import { EXAMPLES } from './examples.js';
import { tabStorage } from './storage.js';

const TEXT = 'cinnabar.text';

export function fillEditor(text, choice, holeButton, onChange) {
  choice.replaceChildren(...EXAMPLES.map(({ name }, i) => new Option(name, i)));
  text.value = tabStorage.get(TEXT) ?? EXAMPLES[0].text;
  showChoice(text, choice);
  const changed = () => {
    tabStorage.set(TEXT, text.value);
    onChange();
  };
  choice.addEventListener('change', () => {
    text.value = EXAMPLES[Number(choice.value)].text;
    changed();
  });
  holeButton.addEventListener('click', () => {
    text.setRangeText('<fill:6>', text.selectionStart, text.selectionEnd, 'end');
    text.focus();
    changed();
  });
  text.addEventListener('input', changed);
}

// Beside a text that is no example none is chosen: one that is chosen already could not be chosen.
function showChoice(text, choice) {
  const index = EXAMPLES.findIndex(example => example.text === text.value);
  if (index >= 0) {
    choice.value = index;
  } else {
    const own = new Option('Your own text', '', true, true);
    own.hidden = true;
    choice.prepend(own);
  }
}
