import pg from 'pg';
import { prepared, PreparingClient } from '../../src/database/prepared-statements.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const MARKED = prepared('SELECT $1::int + 1 AS sum, $2::text AS word');

let database: TestDatabase;
let client: PreparingClient;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new PreparingClient(database.url);
  client.on('error', () => undefined);
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await database?.drop();
});

async function preparedStatements(): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>('SELECT statement FROM pg_prepared_statements');
  return rows.map(({ statement }) => statement);
}

describe('a client that names statements', () => {
  it('has PostgreSQL parse a marked statement once, and leaves the others as they are', async () => {
    for (const n of [1, 2]) {
      expect((await client.query<{ sum: number }>(MARKED, [n, 'x'])).rows).toEqual([{ sum: n + 1, word: 'x' }]);
    }
    await client.query('SELECT $1::int AS unmarked', [1]);
    expect(await preparedStatements()).toEqual([MARKED]);
  });

  it('rejects what PostgreSQL refuses, with its code, and goes on', async () => {
    await expect(client.query(MARKED, ['no number', null])).rejects.toMatchObject({ code: '22P02' });
    await expect(client.query('SELECT nothing FROM nowhere')).rejects.toMatchObject({ code: '42P01' });
    expect((await client.query<{ one: number }>('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('takes callbacks and query objects as pg does', async () => {
    const withValues = await new Promise((resolve) => {
      client.query(MARKED, [1, 'x'], (_error, result) => resolve(result.rows));
    });
    const withoutValues = await new Promise((resolve) => {
      client.query('SELECT 1 AS one', (_error: Error, result: pg.QueryResult) => resolve(result.rows));
    });
    expect(withValues).toEqual([{ sum: 2, word: 'x' }]);
    expect(withoutValues).toEqual([{ one: 1 }]);
    expect((await client.query({ text: 'SELECT 1', rowMode: 'array' })).rows).toEqual([[1]]);
  });

  it('rejects what was under way, and what comes after, when the connection is lost', async () => {
    const lost = new PreparingClient(database.url);
    lost.on('error', () => undefined);
    await lost.connect();
    const { rows } = await lost.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const underWay = expect(lost.query('SELECT pg_sleep(60)')).rejects.toThrow();
    await client.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await underWay;
    await expect(lost.query(MARKED, [1, 'x'])).rejects.toThrow();
    await lost.end();
  });
});
