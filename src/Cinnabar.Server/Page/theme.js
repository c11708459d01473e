// Light, dark, or as the system has it; the choice is kept in this browser.
import { byId } from './dom.js';
import { browserStorage } from './storage.js';

const KEY = 'cinnabar.theme';
const THEMES = {
  auto: { next: 'light', text: '◐ Auto', label: 'Colours: as the system has them' },
  light: { next: 'dark', text: '☀ Light', label: 'Colours: light' },
  dark: { next: 'auto', text: '☾ Dark', label: 'Colours: dark' },
};

export function startTheme() {
  const button = byId('theme');
  let current = THEMES[browserStorage.get(KEY)] ? browserStorage.get(KEY) : 'auto';
  const show = () => {
    document.documentElement.dataset.theme = current;
    button.textContent = THEMES[current].text;
    button.setAttribute('aria-label', THEMES[current].label);
  };
  button.addEventListener('click', () => {
    current = THEMES[current].next;
    browserStorage.set(KEY, current);
    show();
  });
  show();
}
