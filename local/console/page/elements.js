// Create elements, and format numbers. Children of an element become text, never markup.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element[name] = value;
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
export const count = (number) => Math.round(number).toLocaleString('en');
export const rate = (number) => (number < 10 ? number.toFixed(1).replace('.0', '') : count(number));
export const plural = (number, noun) => `${count(number)} ${noun}${number === 1 ? '' : 's'}`;

export function duration(seconds) {
  if (typeof seconds !== 'number') return '–';
  if (seconds >= 100) return `${count(seconds / 60)} min`;
  if (seconds >= 1) return `${rate(seconds)} s`;
  return seconds >= 0.001 ? `${rate(seconds * 1000)} ms` : `${count(seconds * 1e6)} µs`;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/; // its first characters identify a row

// Return a text; only the beginning of a UUID, with the whole as its title.
export const shortened = (text) => (UUID.test(text) ? make('span', { class: 'uuid', title: text }, text) : text);

export const clock = (at) => new Date(at * 1000).toLocaleTimeString('en-GB');

// Return a table that scrolls by itself. `columns`: [title, class]; `rows`: lists of cells, which
// are texts, elements, or null for an empty cell.
export function table(label, columns, rows) {
  const head = make('tr', {}, ...columns.map(([title, kind]) => make('th', { class: kind, scope: 'col' }, title)));
  const body = rows.map((cells) => make('tr', {}, ...cells.map(
    (cell, column) => make('td', { class: columns[column][1] }, cell ?? ''))));
  return make('div', { class: 'wide', role: 'region', 'aria-label': label, tabindex: 0 },
    make('table', {}, make('thead', {}, head), make('tbody', {}, ...body)));
}

// Return a heading, with a note in smaller letters.
export function heading(title, note = '') {
  return make('h2', {}, title, note && make('small', {}, ` ${note}`));
}

// Return the parts of a text, in which `code` has backticks.
export const prose = (text) => text.split('`').map((part, index) => (index % 2 ? make('code', {}, part) : part));

export const section = (...children) => make('section', { class: 'card' }, ...children);

// Return a labelled control. `control` gets an id, so that a click on the label focuses it.
let fields = 0;
export function field(label, control, note = '') {
  control.id ||= `field-${fields += 1}`;
  const described = note && make('small', { id: `${control.id}-note` }, ...prose(note));
  if (described) control.setAttribute('aria-describedby', described.id);
  return make('div', { class: 'field' }, make('label', { for: control.id }, label), control, described);
}

export const statusKind = (status) => {
  if (status >= 500) return 'red';
  if (status === 429) return 'amber';
  return status >= 400 ? 'violet' : 'blue';
};
