// Edit one row over the public API: If-Match on changes, Idempotency-Key on a new row.
import { attempt, call, toJson } from './api.js';
import { heading, make } from './elements.js';
import { InvalidValue, makeForm } from './form.js';
import { newRow } from './new_row.js';

// Show the row at `path` in `place`, or a form for a new row if `path` is null.
export async function openEditor(place, table, path, changed) {
  const problem = make('div', {}), message = make('p', { role: 'status' });
  const close = () => place.replaceChildren();
  const show = (title, ...content) => {
    const box = make('section', { class: 'card editor', 'aria-label': title }, heading(title), ...content, problem, message);
    place.replaceChildren(box);
    (box.querySelector('input, textarea, select') ?? box.querySelector('button')).focus();
  };
  const run = (work) => attempt(problem, async () => {
    message.textContent = '';
    message.className = '';
    try {
      await work();
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      message.textContent = error.message;
      message.className = 'bad';
    }
  });
  const context = { place, table, path, changed, close, show, run, message };
  if (path === null) await showNew(context);
  else if (!await run(() => showRow(context))) place.replaceChildren(problem);
}

async function showNew({ table, changed, close, show, run, message }) {
  const form = makeForm(table.create, await newRow(table), { required: table.required });
  let key = crypto.randomUUID(), sent = '';
  const create = () => run(async () => {
    const body = form.values(), text = toJson(body);
    if (sent && sent !== text) key = crypto.randomUUID(); // another row; the same one again is sent once
    sent = text;
    const { body: row, headers } = await call('POST', table.path, { body, headers: { 'Idempotency-Key': key } });
    const again = headers.get('Idempotency-Replayed') ? ' It was created before: the server repeated its first answer.' : '';
    message.textContent = `Created ${toJson(row).slice(0, 200)}.${again}`;
    changed();
  });
  show(`New row of ${table.name}`, form.element, make('div', { class: 'bar' },
    make('button', { class: 'primary', onclick: create }, 'Create'), make('button', { onclick: close }, 'Close'),
    make('small', {}, 'Sent with an Idempotency-Key: the same values are created once, however often you press.')));
}

async function showRow(context) {
  const { table, path, changed, close, show, run, message } = context;
  const { body: row, headers } = await call('GET', path);
  let etag = headers.get('ETag');
  const form = table.edit && makeForm(table.edit.fields, row, { key: table.key });
  const precondition = () => (etag ? { 'If-Match': etag } : {});
  const save = () => run(async () => {
    const values = form.values();
    const body = table.edit.method === 'PUT' ? values : changes(row, values);
    if (!Object.keys(body).length) {
      message.textContent = 'Nothing is changed.';
      return;
    }
    const answer = await call(table.edit.method, path, { body, headers: precondition() });
    etag = answer.headers.get('ETag') ?? etag;
    Object.assign(row, answer.body);
    message.textContent = `Saved: ${Object.keys(body).join(', ')}.`;
    changed();
  });
  const remove = make('button', { class: 'danger', onclick: () => confirmed() }, 'Delete');
  let asked = false;
  const confirmed = () => {
    if (!asked) {
      asked = true;
      remove.textContent = 'Delete this row: press again';
      return null;
    }
    return run(async () => {
      await call('DELETE', path, { headers: precondition() });
      close();
      changed();
    });
  };
  show(path, form ? form.element : make('pre', { tabindex: 0, class: 'log' }, toJson(row, 2)), make('div', { class: 'bar' },
    form && make('button', { class: 'primary', onclick: save }, 'Save'),
    make('button', { onclick: () => run(() => showRow(context)) }, 'Load again'),
    table.deletes && remove, make('button', { onclick: close }, 'Close'),
    make('small', {}, etag && (form || table.deletes) ? `Changes are sent with If-Match: ${etag}` : '')));
}

// Return the fields whose value differs, for a merge patch. A number may be a text in the row.
function changes(row, values) {
  const texts = (value) => (typeof value === 'object' ? toJson(value) : String(value));
  return Object.fromEntries(Object.entries(values).filter(([name, value]) => texts(value) !== texts(row[name])));
}
