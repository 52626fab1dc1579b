// Send sample requests: reads of all kinds, and a few that are rejected. They change nothing.
const graphql = (query) => ['/api/graphql', 'local-admin', { query }];
const REQUESTS = [
  () => ['/api/products?limit=20', 'local-admin'],
  () => [`/api/products/${1 + Math.floor(Math.random() * 150)}`, 'local-admin'],
  () => ['/api/products?search=tea&sort=price:desc', 'local-admin'],
  () => graphql('{ products(first: 20) { nodes { id name category { name } } } }'),
  () => ['/api/categories', 'local-admin'],
  () => ['/api/orders?limit=5', 'local-admin'],
  () => [`/api/products/${1 + Math.floor(Math.random() * 150)}`, 'local-admin'],
  () => ['/api/inventory?below=50', 'local-admin'],
  () => ['/api/products/999999999', 'local-admin'],
  () => ['/api/analytics/popular-products', 'local-admin'],
  () => ['/api/users?limit=5', 'local-limited'],
  () => ['/api/products', 'unknown-key'],
];
const MAX_CONCURRENT = 4; // a browser has six connections, and the page needs one
let timer = null, next = 0, running = 0;

async function send() {
  if (running >= MAX_CONCURRENT || Math.random() < 0.25) return;
  running += 1;
  const [path, key, body] = REQUESTS[next++ % REQUESTS.length]();
  const headers = { 'X-API-Key': key, 'Content-Type': 'application/json' };
  try {
    await fetch(path, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) });
  } catch { // the page shows that the system is not reachable
  } finally {
    running -= 1;
  }
}

export function toggle(button) {
  timer = timer ? clearInterval(timer) : setInterval(send, 60);
  button.setAttribute('aria-pressed', Boolean(timer));
  button.textContent = timer ? 'Stop' : 'Send requests';
}
