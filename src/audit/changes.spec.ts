import { changesBetween, factsOf, type AuditedFields } from './changes.js';

interface Row {
  name: string;
  types: string[];
  secret: string | null;
  url: string;
}

const FIELDS: AuditedFields<Row> = {
  name: { value: (row) => row.name },
  types: { value: (row) => row.types },
  secret: { value: (row) => row.secret, shown: null },
  url: { value: (row) => row.url, shown: (row) => new URL(row.url).origin },
};

const row = (values: Partial<Row> = {}): Row => ({
  name: 'a',
  types: ['x'],
  secret: 's3cr3t',
  url: 'https://example.com/path?token=1',
  ...values,
});

describe('what changed', () => {
  it('is nothing between rows that say the same', () => {
    expect(changesBetween(row(), row(), FIELDS)).toEqual([]);
  });

  it('is told with the old value and the new one, compared by content', () => {
    expect(changesBetween(row(), row({ name: 'b', types: ['x', 'y'] }), FIELDS)).toEqual([
      { field: 'name', old: 'a', new: 'b' },
      { field: 'types', old: ['x'], new: ['x', 'y'] },
    ]);
  });

  it('is told of a secret by its name alone', () => {
    expect(changesBetween(row(), row({ secret: 'other' }), FIELDS)).toEqual([{ field: 'secret' }]);
    expect(JSON.stringify(changesBetween(null, row(), FIELDS))).not.toContain('s3cr3t');
  });

  it('is told though what is shown of it stays the same', () => {
    expect(changesBetween(row(), row({ url: 'https://example.com/path?token=2' }), FIELDS)).toEqual([
      { field: 'url', old: 'https://example.com', new: 'https://example.com' },
    ]);
  });

  it('is all that a new row has', () => {
    expect(changesBetween(null, row({ secret: null }), FIELDS)).toEqual([
      { field: 'name', new: 'a' },
      { field: 'types', new: ['x'] },
      { field: 'url', new: 'https://example.com' },
    ]);
  });
});

describe('facts of an action', () => {
  it('are told but for those that there are not', () => {
    expect(factsOf({ status: null, since: '2026-01-01', total: 0, until: undefined })).toEqual([
      { field: 'since', new: '2026-01-01' },
      { field: 'total', new: 0 },
    ]);
  });
});
