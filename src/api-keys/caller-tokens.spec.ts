import { grantOf } from './caller-tokens.js';

const ID = '0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f10';

describe('the grant in a token', () => {
  it.each([
    ['of a key', { kind: 'api_key', tenant_id: ID, client_id: ID, scope: 'events:read' }],
    ['of a portal link made with a key', { kind: 'portal', tenant_id: ID, client_id: ID, scope: 'events:read' }],
    ['of a portal link of the operator', { kind: 'portal', tenant_id: ID, scope: 'events:read' }],
  ])('is one %s', (_what, claims) => {
    expect(grantOf(claims)).toEqual({
      kind: claims.kind,
      tenantId: ID,
      keyId: 'client_id' in claims ? ID : null,
      scopes: ['events:read'],
    });
  });

  it('is that of the operator', () => {
    expect(grantOf({ kind: 'operator' })).toEqual({ kind: 'operator', tenantId: null, keyId: null, scopes: [] });
  });

  it('has only scopes that there are', () => {
    const claims = { kind: 'portal', tenant_id: ID, scope: 'events:read admin  keys:write' };
    expect(grantOf(claims)?.scopes).toEqual(['events:read', 'keys:write']);
    expect(grantOf({ ...claims, scope: undefined })?.scopes).toEqual([]);
  });

  it.each([
    ['without a kind', { tenant_id: ID, client_id: ID }],
    ['of an unknown kind', { kind: 'admin', tenant_id: ID, client_id: ID }],
    ['of an operator of one tenant', { kind: 'operator', tenant_id: ID }],
    ['of an operator by a key', { kind: 'operator', client_id: ID }],
    ['of a key without a tenant', { kind: 'api_key', client_id: ID }],
    ['of no key', { kind: 'api_key', tenant_id: ID }],
    ['of a portal without a tenant', { kind: 'portal', client_id: ID }],
    ['with an id that is none', { kind: 'api_key', tenant_id: "' OR true", client_id: ID }],
    ['with an id that is no text', { kind: 'api_key', tenant_id: ID, client_id: { $ne: null } }],
    ['with scopes that are no text', { kind: 'portal', tenant_id: ID, scope: ['keys:write'] }],
  ])('is none %s', (_what, claims) => {
    expect(grantOf(claims)).toBeNull();
  });
});
