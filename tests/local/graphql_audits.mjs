// Runs the audits of npm's graphql-http against a URL: node graphql_audits.mjs URL KEY; prints a JSON list of results.
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/');  // where npm installed it
const { serverAudits } = require('graphql-http');
const [, , url, key] = process.argv;
const fetchFn = (target, options = {}) =>
  fetch(target, { ...options, headers: { ...options.headers, 'x-api-key': key } });

const results = [];
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  results.push({ id: audit.id, name: audit.name, status: result.status, reason: result.reason ?? null });
}
console.log(JSON.stringify(results));
