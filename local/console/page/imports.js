// The view "Imports": upload a file, follow its progress, and read the rejected rows.
import { ask, attempt, call, openapi, upload, Failure } from './api.js';
import { count, field, heading, make, section, table } from './elements.js';

const PATH = '/api/imports';
const MAX_BYTES = 10 * 1024 * 1024; // the gateway's limit of a body
const FORMATS = { csv: 'csv', jsonl: 'jsonl', ndjson: 'jsonl' };

export async function open(main) {
  const route = (await openapi()).paths[PATH];
  if (!route) {
    main.replaceChildren(heading('Imports'), section(make('p', {}, 'This application imports no files.')));
    return null;
  }
  const problem = make('div', {}), rows = make('div', {}), rejected = make('div', { 'aria-live': 'polite' });
  const jobs = new Map();
  let signature = '';
  const draw = (imports) => {
    const text = JSON.stringify(imports);
    if (text === signature) return; // the buttons keep the focus
    signature = text;
    for (const job of imports) jobs.set(job.id, job);
    rows.replaceChildren(list(imports, (id) => showRejected(id, rejected, problem)));
  };
  main.replaceChildren(make('div', { class: 'bar' }, heading('Imports')),
    section(heading('Upload a file'), form(route.post, problem)), problem,
    section(heading('Newest imports', 'progress is updated every second'), rows), rejected);
  return ({ imports }) => draw(imports);
}

function form({ requestBody }, problem) {
  const { resource } = requestBody.content['application/json'].schema.properties;
  const choice = make('select', {}, ...resource.enum.map((each) => make('option', {}, each)));
  const file = make('input', { type: 'file', accept: '.csv,.jsonl,.ndjson,.gz' });
  const message = make('p', { role: 'status' });
  const submit = (event) => {
    event.preventDefault();
    attempt(problem, async () => {
      message.textContent = 'Sending the file.';
      const chosen = file.files[0];
      const { job } = await start(chosen, choice.value);
      message.textContent = `The file is sent. Import ${job.id} begins.`;
    }).then((worked) => { if (!worked) message.textContent = ''; });
  };
  return make('form', { class: 'form', onsubmit: submit }, field('Into', choice),
    field('File', file, 'CSV or JSON Lines, also with gzip; at most 10 MiB here. `make load` sends larger ones.'),
    make('div', { class: 'bar' }, make('button', { class: 'primary', type: 'submit' }, 'Import')), message);
}

async function start(file, resource) {
  const reject = (detail) => new Failure(0, { title: 'The file is not sent', detail });
  if (!file?.size) throw reject('Choose a file that is not empty.');
  if (file.size > MAX_BYTES) throw reject('The file is larger than 10 MiB. Send it with `make load FILE=…`.');
  const format = FORMATS[file.name.toLowerCase().replace(/\.gz$/, '').split('.').pop()];
  if (!format) throw reject('The name must end in .csv, .jsonl or .ndjson, or in one of them and .gz.');
  const { body: job } = await call('POST', PATH, { body: { resource, format, filename: file.name } });
  await upload(job.upload_url, file);
  return { job };
}

function list(imports, show) {
  if (!imports.length) return make('p', {}, 'None yet.');
  const number = 'number', columns = [['id', number], ['table', ''], ['status', ''], ['progress', ''], ['read', number], ['written', number],
    ['rejected', number], ['speed', number], ['', '']];
  return table('Imports', columns, imports.map((job) => {
    const took = (Date.parse(job.finished_at ?? new Date()) - Date.parse(job.started_at)) / 1000;
    const finished = job.finished_at !== null;
    return [String(job.id), job.resource,
      make('span', { class: job.status === 'failed' ? 'bad' : job.status === 'completed' ? 'good' : '' },
        job.status.replace('_', ' '), job.error && make('small', {}, ` ${job.error}`)),
      make('progress', { max: job.bytes_total || 1, value: job.bytes_read, 'aria-label': `Progress of import ${job.id}` }),
      count(job.rows_read), count(job.rows_written), make('span', { class: job.rows_rejected ? 'bad' : '' }, count(job.rows_rejected)),
      job.rows_read && finished ? `${count(job.rows_read / Math.max(took, 0.1))} rows/s` : '',
      job.rows_rejected && finished ? make('button', { onclick: () => show(job.id), 'aria-label': `Rejected rows of import ${job.id}` }, 'Rejected rows') : ''];
  }));
}

async function showRejected(id, place, problem) {
  await attempt(problem, async () => {
    const { body: job } = await call('GET', `${PATH}/${id}`);
    const { rows } = await ask(`rejected-rows?url=${encodeURIComponent(job.rejects_url)}`);
    const names = Object.keys(rows[0] ?? {});
    place.replaceChildren(section(heading(`Rejected rows of import ${id}`, `the first ${rows.length} of ${count(job.rows_rejected)}`),
      table('Rejected rows', names.map((name) => [name, name === 'reason' ? 'prose' : '']), rows.map((row) => names.map((name) => row[name])))));
  });
}
