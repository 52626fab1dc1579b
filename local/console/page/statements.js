// The view "Statements": the slowest SQL statements, as the console saw them and as the server counts them.
import { ask, attempt } from './api.js';
import { count, duration, heading, make, plural, section } from './elements.js';
import { explainer, sqlText } from './requests.js';

const ORDERS = { 'total time': 'total', 'mean time': 'mean', 'longest time': 'max', calls: 'calls' };
const FIRST = 12, MAX_TEXT = 300; // rows of each list, and characters of a statement in it

export async function open(main) {
  const place = make('div', { class: 'view' }), problem = make('div', {});
  let order = 'total', shown = null;
  const draw = () => place.replaceChildren(...lists(shown, order));
  const buttons = Object.entries(ORDERS).map(([name, key]) => {
    const button = make('button', { 'aria-pressed': String(key === order) }, name);
    button.onclick = () => {
      order = key;
      for (const each of buttons) each.setAttribute('aria-pressed', String(each === button));
      draw();
    };
    return button;
  });
  const load = () => attempt(problem, async () => {
    shown = await ask('statements');
    draw();
  });
  main.replaceChildren(
    make('div', { class: 'bar' }, heading('Statements'), make('button', { onclick: load }, 'Load again'),
      make('div', { class: 'group', role: 'group', 'aria-label': 'Order by' }, make('span', { class: 'label' }, 'Order by'), ...buttons)),
    problem, place);
  await load();
}

function lists({ console: seen, server, dropped }, order) {
  const sorted = (all) => [...all].sort((one, other) => other[order] - one[order]);
  const note = dropped ? `; ${plural(dropped, 'text')} with less time did not fit in memory` : '';
  return [
    section(heading('Seen by the console', `times of the functions, with the network${note}`),
      ...(seen.length ? firstOf(sorted(seen).map((each) => row(each, order, { sql: each.sql }))) : [make('p', {}, 'None yet. Send requests first.')])),
    server ? section(heading('Counted by the server', 'pg_stat_statements: times of the server, constants shown as parameters'),
      ...(server.length ? firstOf(sorted(server).map((each) => row(each, order))) : [make('p', {}, 'None yet.')]))
      : section(heading('Counted by the server'), make('p', {}, 'Only the embedded server is asked. Query pg_stat_statements of your own server with psql.')),
  ];
}

// Show the first rows, and the others when a button is pressed.
function firstOf(rows) {
  const others = rows.splice(FIRST);
  if (!others.length) return rows;
  const more = make('button', { onclick: () => more.replaceWith(...others) }, `Show ${count(others.length)} more`);
  return [...rows, more];
}

function row(each, order, name = null) {
  const { [order]: first, ...others } = {
    total: `${duration(each.total)} in total`, mean: `mean ${duration(each.mean)}`, max: `longest ${duration(each.max)}`,
    calls: plural(each.calls, 'call') };
  const facts = [plural(each.rows, 'row'), each.round_trips !== undefined && plural(each.round_trips, 'round trip'),
    each.errors && plural(each.errors, 'error'), `as ${each.user}`];
  const sql = each.sql.trim().replace(/\s+/g, ' ').slice(0, MAX_TEXT);
  return make('details', { class: 'statement' },
    make('summary', {}, make('b', {}, first), `, ${Object.values(others).join(', ')}`, make('code', { class: 'cut' }, sql)),
    make('p', { class: 'note' }, facts.filter(Boolean).join(', '), each.routes ? `. Routes: ${each.routes.join(', ')}` : ''),
    sqlText(each.sql), name && each.explainable ? explainer(name) : null);
}
