import { OAuthError } from './oauth-error.js';
import { readTokenRequest } from './token-request.js';

const ID = '0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f10';
const CLIENT = `client_id=${ID}&client_secret=ph_secret`;
const form = (text: string): URLSearchParams => new URLSearchParams(text);
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
const codeOf = (body: unknown, authorization?: string): string => {
  try {
    readTokenRequest(body, authorization);
    return 'none';
  } catch (error) {
    if (error instanceof OAuthError) return error.code;
    throw error;
  }
};

describe('a token request', () => {
  it('names its client in the form', () => {
    expect(readTokenRequest(form(`grant_type=client_credentials&${CLIENT}`), undefined)).toEqual({
      clientId: ID,
      clientSecret: 'ph_secret',
      scopes: undefined,
    });
  });

  it('or by HTTP Basic, form-encoded, and may then repeat the id', () => {
    const expected = { clientId: ID, clientSecret: 'a:b c', scopes: ['events:read', 'x'] };
    const body = form('grant_type=client_credentials&scope=events%3Aread+x');
    expect(readTokenRequest(body, basic(`${ID}:a%3Ab+c`))).toEqual(expected);
    body.set('client_id', ID);
    expect(readTokenRequest(body, basic(`${ID}:a%3Ab+c`).replace('Basic', 'basic'))).toEqual(expected);
  });

  it('takes an empty field as none, and ignores what it does not know', () => {
    const { scopes } = readTokenRequest(
      form(`grant_type=client_credentials&scope=&resource=x&resource=y&${CLIENT}`),
      undefined,
    );
    expect(scopes).toBeUndefined();
  });

  it.each<[string, unknown, string | undefined, string]>([
    ['no form', { grant_type: 'client_credentials' }, undefined, 'invalid_request'],
    ['no body', undefined, basic(`${ID}:x`), 'invalid_request'],
    ['no grant type', form(CLIENT), undefined, 'invalid_request'],
    ['an empty grant type', form(`grant_type=&${CLIENT}`), undefined, 'invalid_request'],
    ['a grant type twice', form(`grant_type=a&grant_type=a&${CLIENT}`), undefined, 'invalid_request'],
    ['another grant type', form(`grant_type=password&${CLIENT}`), undefined, 'unsupported_grant_type'],
    ['no client', form('grant_type=client_credentials'), undefined, 'invalid_client'],
    ['no secret', form(`grant_type=client_credentials&client_id=${ID}`), undefined, 'invalid_client'],
    ['two ways at once', form(`grant_type=client_credentials&${CLIENT}`), basic(`${ID}:x`), 'invalid_request'],
    ['two clients', form('grant_type=client_credentials&client_id=b'), basic(`${ID}:x`), 'invalid_request'],
    ['another scheme', form('grant_type=client_credentials'), 'Bearer ph_x', 'invalid_client'],
    ['Basic without a colon', form('grant_type=client_credentials'), basic('x'), 'invalid_client'],
    ['Basic that is no base64', form('grant_type=client_credentials'), 'Basic ***', 'invalid_client'],
    ['Basic with a wrong escape', form('grant_type=client_credentials'), basic('%zz:x'), 'invalid_client'],
    ['a malformed scope', form(`grant_type=client_credentials&scope=a++b&${CLIENT}`), undefined, 'invalid_scope'],
    ['a scope in quotes', form(`grant_type=client_credentials&scope="a"&${CLIENT}`), undefined, 'invalid_scope'],
  ])('is refused with %s', (_what, body, authorization, code) => {
    expect(codeOf(body, authorization)).toBe(code);
  });
});
