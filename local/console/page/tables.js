// The view "Tables": read, filter, sort and page the rows of a resource over the public API.
import { access, attempt, call, toJson } from './api.js';
import { field, heading, make, section, table as makeTable } from './elements.js';
import { openEditor } from './editor.js';
import { pathOf, tables, typesOf } from './schema.js';

const LIMIT = 20, MAX_TEXT = 48; // rows of a page, and characters of a cell

export async function open(main, name = '') {
  const all = await tables();
  if (!all.length) {
    main.replaceChildren(heading('Tables'), section(make('p', {}, 'This application declares no tables.')));
    return;
  }
  const chosen = all.find((each) => each.name === name) ?? all[0];
  const choice = make('select', { onchange: () => { location.hash = `#/tables/${encodeURIComponent(choice.value)}`; } },
    ...all.map((each) => make('option', { value: each.name, selected: each === chosen }, each.name)));
  const state = { sort: '', filters: {}, cursor: '' };
  const problem = make('div', {}), rows = make('div', { 'aria-live': 'polite' }), editor = make('div', {});
  const load = (cursor = '') => attempt(problem, async () => {
    state.cursor = cursor;
    rows.replaceChildren(...listing(chosen, state, (await call('GET', listPath(chosen, state))).body, load, edit));
  });
  const edit = (path) => openEditor(editor, chosen, path, () => load(state.cursor));
  main.replaceChildren(
    make('div', { class: 'bar' }, heading('Tables'), field('Table', choice), ...accessFields(() => load()),
      chosen.create && make('button', { class: 'primary', onclick: () => edit(null) }, 'New row')),
    section(make('p', { class: 'note' }, chosen.description), filterForm(chosen, state, () => load())),
    editor, problem, section(rows));
  await load();
}

// Fields for the API key and the tenant of all requests of this page.
export function accessFields(changed) {
  const key = make('input', { value: access.key, autocomplete: 'off', spellcheck: 'false' });
  const tenant = make('input', { value: access.tenant, autocomplete: 'off' });
  key.onchange = () => { access.key = key.value.trim(); changed(); };
  tenant.onchange = () => { access.tenant = tenant.value.trim(); changed(); };
  return [field('API key', key), field('Tenant', tenant)];
}

function filterForm(chosen, state, load) {
  const inputs = chosen.filters.map((each) => {
    const types = typesOf(each.schema), choices = each.schema.enum ?? (types.has('boolean') ? ['true', 'false'] : null);
    const control = choices
      ? make('select', {}, ...['', ...choices].map((choice) => make('option', { value: choice }, String(choice))))
      : make('input', { type: 'text', autocomplete: 'off' });
    return [each, control];
  });
  const apply = (event) => {
    event?.preventDefault();
    state.filters = Object.fromEntries(inputs.map(([each, control]) => [each.name, control.value.trim()]).filter(([, text]) => text));
    load();
  };
  const clear = () => {
    for (const [, control] of inputs) control.value = '';
    apply();
  };
  return make('details', {}, make('summary', {}, `Filters (${inputs.length})`),
    make('form', { class: 'form', onsubmit: apply }, ...inputs.map(([each, control]) => field(each.name, control, each.description ?? '')),
      make('div', { class: 'bar' }, make('button', { class: 'primary', type: 'submit' }, 'Apply'),
        make('button', { type: 'button', onclick: clear }, 'Clear'))));
}

function listPath(chosen, { sort, filters, cursor }) {
  const query = new URLSearchParams({ limit: LIMIT, ...filters });
  if (sort) query.set('sort', sort);
  if (cursor) query.set('cursor', cursor);
  else if (chosen.hasTotal) query.set('include_total', 'true');
  return `${chosen.path}?${query}`;
}

function listing(chosen, state, { data, pagination }, load, edit) {
  const names = Object.keys(chosen.columns);
  const columns = names.map((name) => [sortButton(chosen, state, name, load), isNumber(chosen.columns[name]) ? 'number' : '']);
  const rows = data.map((row) => [open_(chosen, row, edit), ...names.map((name) => cell(row[name]))]);
  const shown = makeTable(`Rows of ${chosen.name}`, [['', ''], ...columns], rows);
  const [sorted, direction = 'asc'] = state.sort.split(':');
  [...shown.querySelectorAll('th')].slice(1).forEach((head, index) => {
    if (names[index] === sorted) head.setAttribute('aria-sort', direction === 'asc' ? 'ascending' : 'descending');
  });
  const total = pagination.total === undefined ? '' : `${pagination.total.toLocaleString('en')} rows in all`;
  const page = (text, cursor) => make('button', { disabled: !cursor, onclick: () => load(cursor) }, text);
  return [
    data.length ? shown : make('p', {}, 'No rows match.'),
    make('div', { class: 'bar pages' }, page('Previous page', pagination.prev_cursor), page('Next page', pagination.next_cursor),
      make('small', {}, total)),
  ];
}

function sortButton(chosen, state, name, load) {
  if (!chosen.sorts.has(name)) return name;
  const [sorted, direction] = state.sort.split(':');
  const arrow = sorted !== name ? '' : direction === 'desc' ? ' ↓' : ' ↑';
  const sort = () => {
    state.sort = sorted === name && direction !== 'desc' ? `${name}:desc` : `${name}:asc`;
    load();
  };
  return make('button', { class: 'sort', onclick: sort }, name + arrow);
}

function open_(chosen, row, edit) {
  const path = pathOf(chosen, row);
  return path && make('button', { onclick: () => edit(path), 'aria-label': `Open ${path}` }, 'Open');
}

const isNumber = (schema) => ['integer', 'number'].some((type) => typesOf(schema).has(type));

function cell(value) {
  if (value === null || value === undefined) return make('i', { class: 'null' }, 'null');
  const text = typeof value === 'object' ? toJson(value) : String(value);
  return text.length > MAX_TEXT ? make('span', { title: text }, `${text.slice(0, MAX_TEXT - 1)}…`) : text;
}
