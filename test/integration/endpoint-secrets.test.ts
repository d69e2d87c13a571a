import { randomBytes } from 'node:crypto';
import { generateSecret } from '../../src/signing/webhook-secret.js';
import { ApiApp, type TestTenant } from '../support/api-app.js';

let api: ApiApp;
let tenant: TestTenant;
beforeAll(async () => {
  api = await ApiApp.start();
});
beforeEach(async () => {
  tenant = await api.createTenant();
});
afterAll(() => api.close());

const create = async (body: object = {}): Promise<{ id: string; secret: string | null }> => {
  const endpoint = { url: 'https://hooks.example.com/orders', ...body };
  return (await tenant.call<{ id: string; secret: string | null }>('POST', '/endpoints', endpoint)).body;
};
const secretOf = async (id: string) =>
  (await tenant.call<{ secret: string; public_key: string | null }>('GET', `/endpoints/${id}/secret`)).body;

describe('rotating a secret', () => {
  const rotate = (id: string, body?: object) =>
    tenant.call<{ secret: string }>('POST', `/endpoints/${id}/secret/rotate`, body);
  const stored = async (id: string) => {
    const rows = await api.db.query<{ retired_secrets: { sealed: string; expires_at: string }[] }[]>(
      'SELECT retired_secrets FROM endpoints WHERE id = $1',
      [id],
    );
    return rows[0]?.retired_secrets ?? [];
  };

  it('keeps the old secret for a day by default, or for as long as is asked', async () => {
    const { id, secret } = await create();
    const { status, body } = await rotate(id);
    expect(status).toBe(200);
    expect(body.secret).toMatch(/^whsec_/);
    expect(body.secret).not.toBe(secret);
    expect((await secretOf(id)).secret).toBe(body.secret);
    const [old] = await stored(id);
    expect(Math.abs(Date.parse(old?.expires_at ?? '') - Date.now() - 86_400_000)).toBeLessThan(10_000);
    await rotate(id, { overlap_seconds: 0 });
    expect(await stored(id)).toEqual([old]);
  });

  it('takes a given secret that fits, and no other', async () => {
    const { id } = await create();
    const given = generateSecret('standard');
    expect((await rotate(id, { secret: given })).body.secret).toBe(given);
    expect((await rotate(id, { secret: 'whsec_x' })).status).toBe(422);
    expect((await rotate(id, { overlap_seconds: 604_801 })).status).toBe(422);
    expect((await secretOf(id)).secret).toBe(given);
  });

  it('refuses an eleventh unexpired old secret, and drops expired ones', async () => {
    const { id } = await create();
    for (let n = 0; n < 10; n += 1) expect((await rotate(id)).status).toBe(200);
    const before = await secretOf(id);
    expect((await rotate(id)).status).toBe(409);
    expect(await secretOf(id)).toEqual(before);
    await api.db.query(
      `UPDATE endpoints SET retired_secrets = jsonb_set(retired_secrets, '{0,expires_at}', '"2020-01-01T00:00:00.000Z"') WHERE id = $1`,
      [id],
    );
    expect((await rotate(id)).status).toBe(200);
    expect(await stored(id)).toHaveLength(10);
  });

  it("gives an endpoint that used the tenant's key a secret of its own, and none is lost by two at once", async () => {
    const { id } = await create({ signature: 'sha256' });
    const answers = await Promise.all([rotate(id), rotate(id)]);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    expect(await stored(id)).toHaveLength(2);
    expect(answers.map((answer) => answer.body.secret)).toContain((await secretOf(id)).secret);
  });

  it('asks for more than a right to read', async () => {
    const { id } = await create();
    const { body: reader } = await tenant.call<{ key: string }>('POST', '/api-keys', {
      name: 'r',
      scopes: ['endpoints:read'],
    });
    expect((await api.call('GET', `/endpoints/${id}`, { key: reader.key })).status).toBe(200);
    expect((await api.call('GET', `/endpoints/${id}/secret`, { key: reader.key })).status).toBe(403);
  });
});

describe('with another encryption key', () => {
  it('tells a plain 500 without the reason, and lists endpoints all the same', async () => {
    const { id } = await create();
    const foreign = `v1.00000000.${randomBytes(40).toString('base64url')}`;
    await api.db.query('UPDATE endpoints SET secret_sealed = $2 WHERE id = $1', [id, foreign]);
    const answer = await tenant.call('GET', `/endpoints/${id}/secret`);
    expect([answer.status, answer.body.detail]).toEqual([500, 'Something went wrong on our side.']);
    expect((await tenant.call('GET', '/endpoints')).status).toBe(200);
  });
});
