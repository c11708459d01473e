// The sentence that says what went wrong, with a button to try again, at once or when the server said so. The sentence alone is an alert: a
// screen reader reads all of an alert whenever something in it changes, as the seconds on the button do.
import { el, byId } from './dom.js';

let countdown = 0;

export function hideNotice() {
  clearInterval(countdown);
  byId('notice').hidden = true;
  byId('notice').replaceChildren();
}

/** Whether a sentence is on show now. */
export const isShown = sentence => byId('notice').querySelector('p')?.textContent === sentence;

/** @param {{label?: string, action?: () => void, wait?: number}} retry a button, enabled after `wait` seconds */
export function showNotice(sentence, { label = 'Try again', action = null, wait = 0 } = {}) {
  hideNotice();
  const button = action && el('button', { type: 'button', onclick: () => {
    hideNotice();
    action();
  } }, label);
  byId('notice').replaceChildren(el('p', { role: 'alert' }, sentence), ...(button ? [button] : []));
  byId('notice').hidden = false;
  if (button && wait > 0) {
    countDown(button, label, Math.ceil(wait));
  }
}

function countDown(button, label, seconds) {
  const show = () => {
    button.disabled = seconds > 0;
    button.textContent = seconds > 0 ? `${label} in ${seconds} s` : label;
  };
  show();
  countdown = setInterval(() => {
    seconds--;
    show();
    if (seconds <= 0) {
      clearInterval(countdown);
    }
  }, 1000);
}

/** Shows a failure of the API: the server's own sentence, and what can be done. */
export function showFailure(error, retry) {
  if (error.kind === 'busy') {
    showNotice(error.message, { action: retry, wait: error.retryAfter ?? 1 });
  } else if (error.kind === 'refused') {
    showNotice(error.param ? `${error.message} (${error.param})` : error.message);
  } else {
    showNotice(error.message, { action: retry });
  }
}
