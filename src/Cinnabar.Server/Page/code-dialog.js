// Shows a request as code and copies it.
import { hasKey } from './api.js';
import { copied } from './clipboard.js';
import { byId } from './dom.js';
import { asPlain } from './request.js';
import { asCSharp, asCurl } from './snippets.js';

const SNIPPETS = { curl: asCurl, csharp: asCSharp };

export function openCode(request) {
  const plain = asPlain(request);
  byId('copied').textContent = '';
  for (const [name, write] of Object.entries(SNIPPETS)) {
    const code = byId(`code-${name}`);
    code.textContent = write(plain, location.origin, hasKey());
    byId(`copy-${name}`).onclick = () => copy(code);
  }
  byId('code-dialog').showModal();
}

// Without a clipboard the code is selected instead.
async function copy(code) {
  if (await copied(code.textContent)) {
    byId('copied').textContent = 'Copied.';
  } else {
    getSelection().selectAllChildren(code);
    byId('copied').textContent = 'The browser gives no access to the clipboard: the code is selected, copy it with Ctrl+C.';
  }
}
