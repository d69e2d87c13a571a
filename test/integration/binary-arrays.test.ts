import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import { booleans, byteas, floats, ints, jsons, texts, times, uuids } from '../../src/database/binary-arrays.js';
import { createDataSource } from '../../src/database/data-source.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
let db: DataSource;
beforeAll(async () => {
  database = await createTestDatabase();
  db = await createDataSource(database.url).initialize();
});
afterAll(async () => {
  await db?.destroy();
  await database?.drop();
});

/** What PostgreSQL understands, as its own text. */
async function understood(array: Buffer, type: string): Promise<(string | null)[]> {
  const rows = await db.query<{ value: string | null }[]>(
    `SELECT value::text FROM unnest($1::${type}[]) WITH ORDINALITY AS a (value, n) ORDER BY n`,
    [array],
  );
  return rows.map(({ value }) => value);
}

describe('arrays in binary', () => {
  it.each([
    ['int4', ints([0, -1, null, 2_147_483_647, -2_147_483_648]), ['0', '-1', null, '2147483647', '-2147483648']],
    ['float8', floats([0, -1.5, null, 1e300, 0.1]), ['0', '-1.5', null, '1e+300', '0.1']],
    ['bool', booleans([true, null, false]), ['true', null, 'false']],
    ['bytea', byteas([Buffer.from([0, 255]), null, Buffer.alloc(0)]), ['\\x00ff', null, '\\x']],
    ['json', jsons(['{"a": "\\\\"}', null, '1.0']), ['{"a": "\\\\"}', null, '1.0']],
    [
      'uuid',
      uuids(['0199aabb-ccdd-7eef-8011-223344556677', null, '0199AABB-CCDD-7EEF-8011-223344556677']),
      ['0199aabb-ccdd-7eef-8011-223344556677', null, '0199aabb-ccdd-7eef-8011-223344556677'],
    ],
  ])('are understood as %s', async (type, array, expected) => {
    expect(await understood(array, type)).toEqual(expected);
  });

  it.each<[string, (values: []) => Buffer]>([
    ['int4', ints],
    ['float8', floats],
    ['bool', booleans],
    ['bytea', byteas],
    ['json', jsons],
    ['text', texts],
    ['timestamptz', times],
    ['uuid', uuids],
  ])('may be empty: %s', async (type, make) => {
    expect(await understood(make([]), type)).toEqual([]);
  });

  it('keep times to the millisecond, also those before 2000', async () => {
    const given = [
      '2026-11-22T10:11:12.345Z',
      '1999-12-31T23:59:59.999Z',
      '1970-01-01T00:00:00.000Z',
      '9999-12-31T00:00:00Z',
    ];
    const rows = await db.query<{ at: Date }[]>(
      'SELECT at FROM unnest($1::timestamptz[]) WITH ORDINALITY AS a (at, n) ORDER BY n',
      [times(given.map((text) => new Date(text)))],
    );
    expect(rows.map(({ at }) => at)).toEqual(given.map((text) => new Date(text)));
  });

  it('keep any text as pg itself would send it', async () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', ''));
    const quoted = fc.array(fc.constantFrom('"', '\\', ',', '{', '}', 'NULL', ' ', 'ä', '😀'), { maxLength: 10 });
    const text = fc.oneof(
      anyText,
      quoted.map((parts) => parts.join('')),
      fc.constant(null),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 20 }), async (values) => {
        const [row] = await db.query<{ same: boolean }[]>('SELECT $1::text[] IS NOT DISTINCT FROM $2::text[] AS same', [
          texts(values),
          values,
        ]);
        expect(row).toEqual({ same: true });
      }),
      { numRuns: 200 },
    );
  });

  it('hold large texts, too', async () => {
    const large = ['ä'.repeat(100_000), '"'.repeat(100_000), '😀'.repeat(50_000)];
    expect(await understood(texts(large), 'text')).toEqual(large);
  });

  it('refuse what is none of their kind before PostgreSQL sees it', () => {
    const id = '0199aabb-ccdd-7eef-8011-223344556677';
    for (const wrong of [
      '',
      'x',
      `${id}0`,
      id.replace('a', 'g'),
      id.replace('a', 'é'),
      id.replace('a', '-'),
      id.slice(1),
    ]) {
      expect(() => uuids([id, wrong])).toThrow(TypeError);
    }
    for (const wrong of [2_147_483_648, 1.5, NaN]) expect(() => ints([wrong])).toThrow('32-bit');
    expect(() => times([new Date(NaN)])).toThrow('no date');
    expect(() => uuids([id.replaceAll('-', '0')])).toThrow(TypeError);
  });

  it('are refused by PostgreSQL where a text can not be stored, or the type is another', async () => {
    await expect(understood(texts(['a\0b']), 'text')).rejects.toThrow('0x00');
    await expect(understood(texts(['1']), 'int4')).rejects.toThrow('type');
  });
});
