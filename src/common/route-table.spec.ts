import { RouteTable } from './route-table.js';

describe('RouteTable', () => {
  const routes = new RouteTable();
  routes.add('/api/v1/events', 'POST');
  routes.add('/api/v1/events', ['GET', 'HEAD']);
  routes.add('/api/v1/events/:id', 'GET');
  routes.add('/api/v1/events/batch', 'POST');
  routes.add('/api/v1/openapi.json', 'GET');
  routes.add('/docs/*', 'GET');
  routes.add('*', 'OPTIONS');

  it.each<[string, string[]]>([
    ['/api/v1/events', ['GET', 'HEAD', 'POST']],
    ['/api/v1/events?limit=5', ['GET', 'HEAD', 'POST']],
    ['/api/v1/events/0190', ['GET']],
    // A fixed path and one with a parameter both answer here.
    ['/api/v1/events/batch', ['GET', 'POST']],
    ['/api/v1/openapi.json', ['GET']],
  ])('knows the methods of %s', (url, methods) => {
    expect(routes.methodsOf(url)).toEqual(methods);
  });

  it.each([
    '/',
    '',
    '/api/v1',
    '/api/v1/events/',
    '/api/v1/events/1/2',
    '/x/api/v1/events',
    '/api/v1/openapiXjson',
    '/docs/x',
  ])('knows no route %j', (url) => {
    expect(routes.methodsOf(url)).toEqual([]);
  });
});
