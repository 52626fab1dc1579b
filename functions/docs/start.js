// Show openapi.json with Swagger UI. Examples get a suffix for each visit, so that the first click
// on a POST creates a row. A second click sends the same Idempotency-Key, and gets the stored
// response.
const visit = Date.now().toString(36);

function makeUnique(example, fields) {
  for (const field of fields) {
    const value = example[field];
    example[field] = value.includes("@") ? value.replace("@", `+${visit}@`)
      : /^[a-z0-9-]+$/.test(value) ? `${value}-${visit}` : `${value} ${visit}`;
  }
}

export function prepare(document) {
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path)) {
      for (const content of Object.values(operation.requestBody?.content ?? {})) {
        makeUnique(content.example, operation["x-unique"] ?? []);
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

export async function start(show) {
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
    onComplete: () => {
      const key = spec.components.securitySchemes.apiKey["x-local-key"]; // only in the local system
      if (key && !ui.authSelectors.authorized().get("apiKey")) {
        ui.preauthorizeApiKey("apiKey", key);
      }
    },
  });
}

if (globalThis.SwaggerUIBundle) start(globalThis.SwaggerUIBundle);
