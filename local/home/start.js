// Show commands that work: the paths and queries are those of the application that is served.
const text = async (path) => (await (await fetch(path)).text()).trim();
const quoted = (value) => `'${value.replaceAll("'", "'\\''")}'`;
const access = { key: 'local-admin', ...JSON.parse(localStorage.getItem('sluice-access') ?? '{}') }; // see the console
const key = `-H ${quoted(`X-API-Key: ${access.key}`)}${access.tenant ? ` -H ${quoted(`X-Sluice-Tenant: ${access.tenant}`)}` : ''}`;

const [application, path, query, openapi] = await Promise.all([
  text('/home/application.txt'), text('/console/first_request.txt'), text('/graphiql/first_query.graphql'),
  fetch('/openapi.json').then((response) => response.json()),
]);
const body = JSON.stringify({ query: query.replace(/\s+/g, ' ') });
const commands = [
  `curl ${key} ${quoted(location.origin + path)}`,
  `curl ${key} -H 'Content-Type: application/json' ${quoted(`${location.origin}/api/graphql`)} -d ${quoted(body)}`,
];
document.getElementById('application').textContent = application;
document.getElementById('description').textContent = openapi.info.description.split(/(?<=\.)\s/)[0];
document.getElementById('tenants').hidden = !openapi.components.parameters.Tenant || Boolean(access.tenant);
document.querySelectorAll('#commands li').forEach((item, index) => {
  const button = item.querySelector('button');
  item.querySelector('pre').textContent = commands[index];
  button.setAttribute('aria-label', `Copy command ${index + 1}`);
  button.onclick = async () => {
    await navigator.clipboard.writeText(commands[index]);
    button.textContent = 'Copied';
  };
});
