// Builds elements. Text only ever becomes text nodes, so nothing that a model or a server sends is read as HTML.

/** Makes an element: attributes by name, functions named `on…` as listeners, booleans as usual; strings among the children are text. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

export const byId = id => document.getElementById(id);

/** Whether the visitor asked for less motion. */
export const prefersLessMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
