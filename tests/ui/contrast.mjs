// Runs inside the page: the texts whose contrast with their ground is under 4.5 : 1, or 3 : 1 where large. Disabled controls do not count.
export function lowContrast() {
  const parse = color => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return { rgb: color.startsWith('color(srgb') ? [r, g, b] : [r / 255, g / 255, b / 255], a };
  };
  const over = (top, ground) => ({ rgb: top.rgb.map((c, i) => c * top.a + ground.rgb[i] * (1 - top.a)), a: 1 });
  const groundOf = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(parse(getComputedStyle(e).backgroundColor));
    }
    return layers.reverse().reduce((ground, layer) => over(layer, ground), { rgb: [1, 1, 1], a: 1 });
  };
  const luminance = ({ rgb }) => {
    const [r, g, b] = rgb.map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE).map(node => node.data).join('').trim();
    const isShown = element.checkVisibility({ visibilityProperty: true }) && !element.closest('.visually-hidden, :disabled, option');
    if (text === '' || !isShown) {
      continue;
    }
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const [light, dark] = [luminance(over(parse(style.color), ground)), luminance(ground)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) {
      found.push(`${element.className || element.tagName} "${text.slice(0, 30)}" ${ratio.toFixed(2)}`);
    }
  }
  return found;
}
