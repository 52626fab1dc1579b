// Create elements, and format numbers. Children of an element become text, never markup.
const SVG = new Set(['svg', 'g', 'path', 'line', 'text']);

export function make(tag, attributes = {}, ...children) {
  const element = SVG.has(tag)
    ? document.createElementNS('http://www.w3.org/2000/svg', tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function tinted(colour, element) {
  element.style.setProperty('--of', `var(--${colour})`);
  return element;
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
export const count = (number) => Math.round(number).toLocaleString('en');
export const rate = (number) => (number < 10 ? number.toFixed(1).replace('.0', '') : count(number));
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

export function duration(seconds) {
  if (typeof seconds !== 'number') return '–';
  if (seconds >= 100) return `${count(seconds / 60)} min`;
  return seconds >= 1 ? `${rate(seconds)} s` : `${rate(seconds * 1000)} ms`;
}
