// The view "SQL": queries over the analysts' route, with their cost and the remedy for an error.
import { attempt, call, openapi } from './api.js';
import { count, duration, field, heading, make, plural, section, table } from './elements.js';

const PATH = '/api/analytics/query';

export async function open(main) {
  const { paths } = await openapi();
  const route = paths[PATH]?.post;
  if (!route) {
    main.replaceChildren(heading('SQL'), section(make('p', {}, 'This application has no SQL analytics.')));
    return;
  }
  const example = route.requestBody.content['application/json'].example;
  const box = make('textarea', { rows: 5, spellcheck: 'false', class: 'code' });
  box.value = example?.query ?? 'select 1';
  const rows = make('input', { type: 'number', min: 1, max: 10000, value: 100 });
  const problem = make('div', {}), place = make('div', { 'aria-live': 'polite' });
  const run = async () => {
    place.replaceChildren();
    await attempt(problem, async () => {
      const body = { query: box.value, max_rows: Number(rows.value) || 100 };
      place.replaceChildren(...result((await call('POST', PATH, { body })).body));
    });
  };
  box.onkeydown = (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  };
  main.replaceChildren(
    make('div', { class: 'bar' }, heading('SQL', 'reads only, as the role of analysts')),
    section(field('Query', box, 'Ctrl-Enter runs it. A query that PostgreSQL estimates as too expensive is rejected.'),
      make('div', { class: 'bar apart' }, field('Rows at most', rows), make('button', { class: 'primary', onclick: run }, 'Run'))),
    problem, place);
}

function result({ columns, rows, row_count: found, truncated, cost, max_cost: most, duration_ms: took }) {
  const note = `${plural(found, 'row')}${truncated ? ' (there are more)' : ''} in ${duration(took / 1000)}; `
    + `estimated cost ${count(cost)} of at most ${count(most)}`;
  const isNumber = ({ type }) => /int|numeric|float|double|real/.test(type);
  const shown = columns.map((each) => [`${each.name} (${each.type})`, isNumber(each) ? 'number' : '']);
  const text = (value) => (value === null ? make('i', { class: 'null' }, 'null') : typeof value === 'object' ? JSON.stringify(value) : String(value));
  const listed = table('Result', shown, rows.map((row) => row.map(text)));
  listed.classList.add('fit'); // columns as wide as their values
  return [section(heading('Result', note), listed)];
}
