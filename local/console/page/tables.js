// The view "Tables": read, filter, sort and page the rows of a resource over the public API.
import { access, attempt, call, choose, hasTenants, toJson } from './api.js';
import { field, heading, make, plural, prose, section, shortened, table as makeTable } from './elements.js';
import { openEditor } from './editor.js';
import { choicesOf, pathOf, tables, typesOf } from './schema.js';

const LIMIT = 20, MAX_TEXT = 48; // rows of a page, and characters of a cell
const TIME = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z?)$/;

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
    make('div', { class: 'bar' }, heading('Tables'), field('Table', choice), ...accessFields(await hasTenants(), () => load()),
      chosen.create && make('button', { class: 'primary', onclick: () => edit(null) }, 'New row')),
    (chosen.description || chosen.filters.length > 0) && section(
      chosen.description && make('p', { class: 'note' }, ...prose(chosen.description)),
      chosen.filters.length > 0 && filterForm(chosen, state, () => load())),
    editor, problem, section(rows));
  await load();
}

// Fields for the API key and the tenant of all requests. The tenants of another key are not known,
// so its tenant is typed.
function accessFields(needsTenant, changed) {
  const key = make('input', { value: access.key, autocomplete: 'off', spellcheck: 'false' });
  const place = make('div', { class: 'field' });
  const showTenant = () => place.replaceChildren(...(needsTenant ? tenantField(changed).childNodes : []));
  key.onchange = () => {
    choose({ key: key.value.trim() });
    showTenant();
    changed();
  };
  showTenant();
  return [field('API key', key), needsTenant && place];
}

function tenantField(changed) {
  const { tenant, tenants } = access;
  const control = tenants.length
    ? make('select', {}, ...tenants.map((each) => make('option', { value: each, selected: each === tenant }, each)))
    : make('input', { value: tenant, autocomplete: 'off', spellcheck: 'false' });
  control.onchange = () => {
    choose({ tenant: control.value.trim(), tenants });
    changed();
  };
  return field('Tenant', control);
}

function filterForm(chosen, state, load) {
  const inputs = chosen.filters.map((each) => {
    const choices = choicesOf(each.schema.items ?? each.schema); // a list has one choice here
    const control = choices
      ? make('select', {}, make('option', { value: '' }, 'any'), ...choices.map((choice) => make('option', { value: choice }, String(choice))))
      : make('input', { type: 'text', autocomplete: 'off' });
    return [each, control];
  });
  const summary = make('summary', {}, `Filters (${inputs.length})`);
  const apply = (event) => {
    event?.preventDefault();
    state.filters = Object.fromEntries(inputs.map(([each, control]) => [each.name, control.value.trim()]).filter(([, text]) => text));
    const used = Object.keys(state.filters).length;
    summary.textContent = used ? `Filters (${used} of ${inputs.length} in use)` : `Filters (${inputs.length})`;
    load();
  };
  const clear = () => {
    for (const [, control] of inputs) control.value = '';
    apply();
  };
  return make('details', {}, summary,
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
  const names = Object.keys(chosen.columns).filter((name) => data.some((row) => name in row)); // others are sent on request
  const columns = names.map((name) => [sortButton(chosen, state, name, load), isNumber(chosen.columns[name]) ? 'number' : '']);
  const rows = data.map((row) => [open_(chosen, row, edit), ...names.map((name) => cell(row[name]))]);
  const shown = makeTable(`Rows of ${chosen.name}`, [['', ''], ...columns], rows);
  const [sorted, direction = 'asc'] = state.sort.split(':');
  [...shown.querySelectorAll('th')].slice(1).forEach((head, index) => {
    if (names[index] === sorted) head.setAttribute('aria-sort', direction === 'asc' ? 'ascending' : 'descending');
  });
  const total = pagination.total === undefined ? '' : `${plural(pagination.total, 'row')} in all`;
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

// Return whether the values are numbers. An exact number is a text in JSON, of digits and a point.
function isNumber(schema) {
  if (/^\^\(?(-\?)?\[0-9\]\+/.test(schema.pattern)) return true;
  const types = typesOf(schema), others = [...types].filter((type) => !['integer', 'number', 'string', 'null'].includes(type));
  return (types.has('integer') || types.has('number')) && !others.length;
}

// Return a value as text: a range as PostgreSQL writes it, a list of plain values without quotes.
function textOf(value) {
  if (typeof value !== 'object') return String(value);
  if (typeof value.lower_inclusive === 'boolean') {
    return value.empty ? 'empty' : `${value.lower_inclusive ? '[' : '('}${value.lower ?? ''}, ${value.upper ?? ''}${value.upper_inclusive ? ']' : ')'}`;
  }
  const isPlain = Array.isArray(value) && value.length && value.every((each) => each !== null && typeof each !== 'object');
  return isPlain ? value.join(', ') : toJson(value);
}

function cell(value) {
  if (value === null || value === undefined) return make('i', { class: 'null' }, 'null');
  const text = textOf(value);
  const [, day, time, zone] = TIME.exec(text) ?? [];
  if (day) return make('span', { title: text }, `${day} ${time}${zone}`);
  const short = shortened(text);
  if (short !== text) return short;
  return text.length > MAX_TEXT ? make('span', { title: text }, `${text.slice(0, MAX_TEXT - 1)}…`) : text;
}
