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
      for (const content of Object.values(operation.requestBody?.content ?? {})) {
        makeUnique(content, operation["x-unique"] ?? []);
      }
    }
  }
  document.components.parameters.IdempotencyKey.example = `docs-${visit}`;
  return document;
}

// An edited body is another request, so it gets another idempotency key.
const sent = new Map();

export function intercept(request) {
  const key = request.headers?.["Idempotency-Key"];
  if (key) {
    const requestKey = `${request.url} ${key}`;
    const bodies = sent.get(requestKey) ?? sent.set(requestKey, [request.body]).get(requestKey);
    if (!bodies.includes(request.body)) bodies.push(request.body);
    const edits = bodies.indexOf(request.body);
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
      const key = spec.components.securitySchemes.apiKey["x-local-key"]; // only in the local system
      if (key && !ui.authSelectors.authorized().get("apiKey")) {
        ui.preauthorizeApiKey("apiKey", key);
      }
    },
  });
}

if (globalThis.SwaggerUIBundle) start(globalThis.SwaggerUIBundle);
