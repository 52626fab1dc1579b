// Shows openapi.json with Swagger UI. Examples are new for each visit, so that a POST works at the first click; the second
// click sends the same Idempotency-Key and gets the first answer again.
const visit = Date.now().toString(36);

function renew(example, fields) {
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
        renew(content.example, operation["x-unique"] ?? []);
      }
    }
  }
  document.components.parameters.IdempotencyKey.example = `docs-${visit}`;
  return document;
}

// A body that was edited is another request, so it gets another key.
const sent = new Map();

export function intercept(request) {
  const key = request.headers?.["Idempotency-Key"];
  if (key) {
    const place = `${request.url} ${key}`;
    const bodies = sent.get(place) ?? sent.set(place, [request.body]).get(place);
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
    spec, dom_id: "#swagger-ui", deepLinking: true, filter: true, persistAuthorization: true, tryItOutEnabled: true,
    displayRequestDuration: true, defaultModelsExpandDepth: 0, validatorUrl: null, requestInterceptor: intercept,
    onComplete: () => {
      const key = spec.components.securitySchemes.apiKey["x-local-key"]; // the local system alone has one
      if (key && !ui.authSelectors.authorized().get("apiKey")) ui.preauthorizeApiKey("apiKey", key);
    },
  });
}

if (globalThis.SwaggerUIBundle) start(globalThis.SwaggerUIBundle);
