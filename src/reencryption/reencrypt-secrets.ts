import type { DataSource } from 'typeorm';
import { isTransient } from '../common/database-errors.js';
import { SecretBox, SecretBoxError } from '../common/secret-box.js';
import type { RetiredSecret } from '../endpoints/endpoint.entity.js';
import { findStale, swapSealed, type ResealedRow, type SealedRow } from './reencrypt.query.js';
import { SEALED_COLUMNS, type SealedColumn } from './sealed-columns.js';

const BATCH = 200;
/** What others change while it runs is looked at again, but not for ever. */
const MAX_PASSES = 5;
const LOWEST_ID = '00000000-0000-0000-0000-000000000000';

export interface ReencryptOptions {
  /** Opens everything and writes nothing. */
  readonly dryRun?: boolean;
  /** Rows in one statement. Default 200. */
  readonly batch?: number;
}

/** What became of one column's rows. */
export interface ColumnReport {
  readonly column: string;
  /** Sealed anew with the present key, or in a dry run: that would be. */
  readonly resealed: number;
  /** Ids of rows with a text that no known key opens. */
  readonly unreadable: readonly string[];
  /** Rows that others kept sealing with an old key meanwhile. */
  readonly left: number;
}

/**
 * Seals anew, with the present key, all that was sealed with another. May be stopped at any point and started again, run
 * twice at once, and run beside processes that read and change the same rows: what is left to do is read from the sealed
 * texts themselves, and each is replaced only where it still stands as it was read.
 */
export async function reencryptSecrets(
  db: DataSource,
  box: SecretBox,
  { dryRun = false, batch = BATCH }: ReencryptOptions = {},
): Promise<ColumnReport[]> {
  const reports: ColumnReport[] = [];
  for (const column of SEALED_COLUMNS) {
    let resealed = 0;
    let pass: Pass;
    let passes = 0;
    do {
      pass = await passOver(db, box, column, dryRun, batch);
      resealed += pass.resealed;
      passes += 1;
    } while (pass.lost > 0 && passes < MAX_PASSES);
    const { unreadable, lost } = pass;
    reports.push({ column: `${column.table}.${column.column}`, resealed, unreadable, left: lost });
  }
  return reports;
}

interface Pass {
  resealed: number;
  unreadable: string[];
  /** Changed by somebody else between reading and writing. */
  lost: number;
}

async function passOver(
  db: DataSource,
  box: SecretBox,
  column: SealedColumn,
  dryRun: boolean,
  batch: number,
): Promise<Pass> {
  const pass: Pass = { resealed: 0, unreadable: [], lost: 0 };
  for (let afterId = LOWEST_ID; ;) {
    const rows = await findStale(db, column, box.prefix, afterId, batch);
    const last = rows.at(-1);
    if (last === undefined) return pass;
    afterId = last.id;
    const resealed: ResealedRow[] = [];
    for (const row of rows) {
      const text = reseal(box, column, row);
      if (text === null) pass.unreadable.push(row.id);
      else resealed.push({ ...row, resealed: text });
    }
    const written = dryRun ? resealed.length : await writeAgainst(db, column, resealed);
    pass.resealed += written;
    pass.lost += resealed.length - written;
  }
}

/** A deletion that takes many rows with it may lock them in another order than we do. */
async function writeAgainst(db: DataSource, column: SealedColumn, rows: readonly ResealedRow[]): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await swapSealed(db, column, rows);
    } catch (error) {
      if (!isTransient(error) || tries === 3) throw error;
    }
  }
}

/** Null when it can't be opened. */
function reseal(box: SecretBox, { kind, contextOf }: SealedColumn, { id, sealed }: SealedRow): string | null {
  const context = contextOf(id);
  const anew = (text: string): string =>
    text.startsWith(box.prefix) ? text : box.seal(box.open(text, context), context);
  try {
    if (kind === 'text') return anew(sealed);
    const now = Date.now();
    // Those that have expired sign no more: one of them that nobody can open must not stand in the way.
    const inUse = (JSON.parse(sealed) as RetiredSecret[]).filter(({ expires_at }) => Date.parse(expires_at) > now);
    return JSON.stringify(inUse.map((old) => ({ ...old, sealed: anew(old.sealed) })));
  } catch (error) {
    if (error instanceof SecretBoxError) return null;
    throw error;
  }
}
