// Show openapi.json with Swagger UI. Examples get a suffix for each visit, so that the first click
// on a POST creates a row. A second click sends the same Idempotency-Key, and gets the stored
// response.
const visit = Date.now().toString(36);
const number = Math.floor(Date.now() / 10) % 2 ** 31;
const DAY = 86_400_000; // ms
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DATE = /^\d{4}-\d\d-\d\d/;

function otherNumber({ minimum = 1, maximum = 2 ** 31 - 1 }) {
  const least = Math.max(minimum, 1);
  return least > maximum ? maximum : least + number % (maximum - least + 1);
}

// Move a date by days, or a time by seconds. Both keep their form.
function later(text) {
  const moved = new Date(text.slice(0, 10)).getTime() + (number % 100_000) * DAY;
  const date = new Date(moved).toISOString().slice(0, 10);
  const seconds = String(number % 60).padStart(2, "0");
  return date + text.slice(10).replace(/^(T\d\d:\d\d:)\d\d/, `$1${seconds}`);
}

const ALIKE = [[/\d/, "0", 10], [/[a-z]/, "a", 26], [/[A-Z]/, "A", 26]];

// Replace letters and digits by others, so that a text of a pattern may still match it.
function alike(text) {
  let rest = number;
  const replace = (character) => {
    const [, first, size] = ALIKE.find(([kind]) => kind.test(character)) ?? [];
    if (!first) return character;
    const at = rest % size;
    rest = Math.floor(rest / size);
    return String.fromCharCode(first.charCodeAt(0) + at);
  };
  return Array.from(text).reverse().map(replace).reverse().join("");
}

function otherText(text, { maxLength = Infinity, pattern = "" }) {
  const texts = [
    text.includes("@") ? text.replace("@", `+${visit}@`)
      : /^[a-z0-9-]+$/.test(text) ? `${text}-${visit}` : `${text} ${visit}`,
    visit.slice(-maxLength),
    alike(text),
  ];
  const fits = (each) => each.length <= maxLength && new RegExp(pattern, "u").test(each);
  return texts.find(fits) ?? text;
}

// Return another value that the schema allows, or the same one if its kind is not known here.
export function other(value, schema) {
  if (typeof value === "number") return otherNumber(schema);
  if (value?.lower && value?.upper) return { ...value, lower: other(value.lower, {}), upper: other(value.upper, {}) };
  if (typeof value !== "string") return value;
  if (UUID.test(value)) return crypto.randomUUID();
  if (DATE.test(value)) return later(value);
  return otherText(value, schema);
}

function makeUnique({ example, schema }, fields) {
  for (const field of fields) example[field] = other(example[field], schema.properties[field] ?? {});
}

export function prepare(document) {
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path)) {
      for (const content of bodies(operation)) makeUnique(content, operation["x-unique"] ?? []);
    }
  }
  document.components.parameters.IdempotencyKey.example = `docs-${visit}`;
  return document;
}

// Return the first rows of a list; none if it cannot be read without a tenant or a filter.
function reader({ paths }, load) {
  const rows = new Map();
  const needs = ({ $ref = "", required }) => required || $ref.endsWith("/Tenant");
  return (list) => {
    const get = paths[list]?.get;
    if (!get || get.parameters.some(needs)) return [];
    if (!rows.has(list)) rows.set(list, load(list));
    return rows.get(list);
  };
}

const bodies = (operation) => Object.values(operation?.requestBody?.content ?? {});

// Put rows that exist into the example of a POST. Each visit takes others, because the key of a
// junction table allows a pair once.
async function fillReferences(post, read) {
  let rest = number;
  for (const { path, fields } of post["x-references"] ?? []) {
    const rows = await read(path);
    const row = rows[rest % rows.length];
    rest = Math.floor(rest / Math.max(rows.length, 1));
    if (row) fillFrom(row, Object.entries(fields), post);
  }
}

function fillFrom(row, fields, operation) {
  for (const { example } of bodies(operation)) {
    for (const [name, other] of fields) {
      if (name in example && row[other] !== undefined) example[name] = row[other];
    }
  }
}

// The operations on one row get the key of the first row, and its unique values and references. With
// x-row-values they get all of its values, which its constraints allow.
async function fillRow(path, operations, { paths }, read) {
  const [list] = path.split("/{", 1);
  const [row] = await read(list);
  if (!row) return;
  const { "x-unique": unique = [], "x-references": references = [] } = paths[list].post ?? {};
  const names = [...unique, ...references.flatMap(({ fields }) => Object.keys(fields))];
  for (const operation of Object.values(operations)) {
    for (const parameter of operation.parameters) {
      if (parameter.in === "path" && row[parameter.name] !== undefined) parameter.example = row[parameter.name];
    }
    const filled = operation["x-row-values"] ? Object.keys(row) : names;
    if (path.endsWith("}")) fillFrom(row, filled.map((name) => [name, name]), operation);
  }
}

// Replace the keys in examples by those of rows that exist. `load` returns the first rows of a list.
export async function fill(document, load) {
  const read = reader(document, load);
  await Promise.all(Object.entries(document.paths).map(async ([path, operations]) => {
    if (path.includes("/{")) await fillRow(path, operations, document, read);
    else if (operations.post) await fillReferences(operations.post, read);
  }));
  return document;
}

// Return what reads lists with this key. A list that cannot be read leaves the examples as they are.
export function loader(key) {
  return async (path) => {
    const options = { headers: { "X-API-Key": key }, signal: AbortSignal.timeout(10_000) };
    try {
      const response = await fetch(`${path.slice(1)}?limit=20`, options);
      return response.ok ? (await response.json()).data ?? [] : [];
    } catch (error) {
      console.info(`The examples have no rows of ${path}: ${error.message}`);
      return [];
    }
  };
}

// An edited body is another request, so it gets another idempotency key.
const sent = new Map();

export function intercept(request) {
  const key = request.headers?.["Idempotency-Key"];
  if (key) {
    const requestKey = `${request.url} ${key}`;
    const before = sent.get(requestKey) ?? sent.set(requestKey, [request.body]).get(requestKey);
    if (!before.includes(request.body)) before.push(request.body);
    const edits = before.indexOf(request.body);
    if (edits > 0) request.headers["Idempotency-Key"] = `${key}-${edits}`;
  }
  return request;
}

// Show the errors of an operation only when asked: their examples are most of its length.
const ErrorsFolded = (Responses, { React }) => function FoldedResponses(props) {
  const [open, setOpen] = React.useState(false);
  const isError = (_, status) => Number(status) >= 400;
  const errors = props.responses.filter(isError).size;
  const responses = open ? props.responses : props.responses.filterNot(isError);
  const text = open ? "Hide errors" : `Show ${errors} errors`;
  const toggle = { className: "fold", "aria-expanded": open, onClick: () => setOpen(!open) };
  const button = errors > 0 && React.createElement("button", toggle, text);
  const below = React.createElement("div", { className: "responses-inner" }, button);
  return React.createElement("div", null, React.createElement(Responses, { ...props, responses }), below);
};

// The summary of an operation is a button, which may not contain a link.
const PathWithoutLink = () => function Path({ text }) { return text; };
const NoServers = () => function Servers() { return null; }; // there is one, this one

// Swagger UI has a dark theme, which it applies to pages with this class.
function followColours() {
  const preference = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", preference.matches);
  preference.addEventListener("change", paint);
  paint();
}

// Give a name to each control of Swagger UI that has none, for screen readers.
function nameControls(element) {
  for (const control of element.querySelectorAll("select, input, textarea, .copy-to-clipboard button, .close-modal")) {
    if (control.hasAttribute("aria-label") || control.labels?.length) continue;
    const button = control.classList.contains("close-modal") ? "Close" : "Copy";
    const parameter = control.closest("tr[data-param-name]")?.dataset.paramName;
    control.setAttribute("aria-label", control.tagName === "BUTTON" ? button : parameter ?? (control.placeholder || "value"));
  }
}

// The dialog of Authorize shows the API key first, and focuses the last field.
function focusKey(element) {
  const field = element.querySelector(".auth-container input");
  if (field && !field.dataset.focused) {
    field.dataset.focused = "true";
    field.focus();
  }
}

function watch(element) {
  const changed = () => {
    nameControls(element);
    focusKey(element);
  };
  new MutationObserver(changed).observe(element, { childList: true, subtree: true });
}

const COMPONENTS = { responses: ErrorsFolded, DeepLink: PathWithoutLink, ServersContainer: NoServers };

export async function start(show) {
  followColours();
  watch(document.getElementById("swagger-ui"));
  const response = await fetch("openapi.json");
  const spec = prepare(await response.json());
  const key = spec.components.securitySchemes.apiKey["x-local-key"]; // only in the local system
  if (key) await fill(spec, loader(key));
  const ui = show({
    spec,
    dom_id: "#swagger-ui",
    deepLinking: true,
    filter: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    requestInterceptor: intercept,
    plugins: [() => ({ wrapComponents: COMPONENTS })],
    onComplete: () => {
      if (key && !ui.authSelectors.authorized().get("apiKey")) {
        ui.preauthorizeApiKey("apiKey", key);
      }
    },
  });
}

if (globalThis.SwaggerUIBundle) start(globalThis.SwaggerUIBundle);
