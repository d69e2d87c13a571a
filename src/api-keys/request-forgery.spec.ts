import { isFromHere } from './request-forgery.js';

const HERE = 'webhooks.example.com';

describe('a request of a browser', () => {
  it.each([
    ['its own page, by Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin' }, true],
    [
      'its own page behind a proxy that changes the host',
      { 'sec-fetch-site': 'same-origin', origin: 'http://a' },
      true,
    ],
    ['the person, such as a bookmark', { 'sec-fetch-site': 'none' }, true],
    ['another site', { 'sec-fetch-site': 'cross-site' }, false],
    ['another host of the site', { 'sec-fetch-site': 'same-site', origin: `https://${HERE}` }, false],
    ['who knows where', { 'sec-fetch-site': 'galaxy' }, false],
    ['its own page, by Origin', { origin: `https://${HERE}` }, true],
    ['another host', { origin: 'https://evil.example' }, false],
    ['a host that begins alike', { origin: `https://${HERE}.evil.example` }, false],
    ['another port', { origin: `https://${HERE}:8443` }, false],
    ['a sandboxed frame', { origin: 'null' }, false],
    ['an Origin that is none', { origin: HERE }, false],
    ['no browser at all', {}, true],
  ])('comes from %s', (_where, headers, isHere) => {
    expect(isFromHere(headers, HERE)).toBe(isHere);
  });
});
