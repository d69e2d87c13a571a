import { isDeepStrictEqual } from 'node:util';
import type { AuditedChange } from './audit-entry.entity.js';

/** How a field of a row is audited. */
export interface AuditedField<Row> {
  /** What tells whether it changed. */
  value: (row: Row) => unknown;
  /** What is written down of it; null: nothing but its name. Left out: the value itself. */
  shown?: ((row: Row) => unknown) | null;
}
export type AuditedFields<Row> = Readonly<Record<string, AuditedField<Row>>>;

/** The fields that differ, with what may be known of them. @param before null: the row is new, and unset fields go unsaid */
export function changesBetween<Row>(before: Row | null, after: Row, fields: AuditedFields<Row>): AuditedChange[] {
  return Object.entries(fields).flatMap(([field, { value, shown = value }]): AuditedChange[] => {
    const was = before === null ? null : value(before);
    if (isDeepStrictEqual(was, value(after))) return [];
    if (shown === null) return [{ field }];
    return [{ field, ...(before === null ? {} : { old: shown(before) }), new: shown(after) }];
  });
}

/** Facts about an action, as if each were a field that got its first value. */
export const factsOf = (facts: Readonly<Record<string, unknown>>): AuditedChange[] =>
  Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([field, value]) => ({ field, new: value }));
