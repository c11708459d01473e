// Asks for the server's key and keeps it for this tab.
import { keepKey } from './api.js';
import { byId } from './dom.js';

/** Resolves to whether a key was given. */
export function askForKey(reason) {
  const dialog = byId('key-dialog');
  if (dialog.open) {
    return Promise.resolve(false);
  }
  byId('key-reason').textContent = reason;
  byId('key').value = '';
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise(resolve => {
    byId('key-form').onsubmit = () => {
      keepKey(byId('key').value);
      dialog.returnValue = 'given';
    };
    dialog.onclose = () => resolve(dialog.returnValue === 'given');
  });
}
