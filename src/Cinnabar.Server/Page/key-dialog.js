// Asks for the server's key and keeps it for this tab.
import { keepKey } from './api.js';
import { byId } from './dom.js';

// The browser sends no header with other characters: every request with such a key would fail as if there were no server.
const SENDABLE = /^[!-~]+$/;

/** Resolves to whether a key was given. */
export function askForKey(reason) {
  const dialog = byId('key-dialog');
  if (dialog.open) {
    return Promise.resolve(false);
  }
  byId('key-reason').textContent = reason;
  byId('key').value = '';
  byId('key-problem').textContent = '';
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise(resolve => {
    byId('key-form').onsubmit = event => {
      const key = byId('key').value.trim();
      if (!SENDABLE.test(key)) {
        event.preventDefault();
        byId('key-problem').textContent = 'Expected a key of letters, digits and signs of ASCII, without spaces. Copy it once more.';
        return;
      }
      keepKey(key);
      dialog.returnValue = 'given';
    };
    dialog.onclose = () => resolve(dialog.returnValue === 'given');
  });
}
