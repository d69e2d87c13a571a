import { statfs } from 'node:fs/promises';
import type { DataSource } from 'typeorm';
import { skipped, type Finding } from './finding.js';
import { judgeDisk } from './verdicts.js';

const HERE = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Only where the server is on this machine, and tells its user where it keeps its data: no SQL asks for free space. */
export async function checkDisk(db: DataSource, databaseUrl: string): Promise<Finding[]> {
  if (!HERE.has(new URL(databaseUrl).hostname)) {
    return [skipped('postgres.disk', 'The database is on another machine: watch its disk there')];
  }
  try {
    const rows = await db.query<{ folder: string }[]>(`SELECT current_setting('data_directory') AS folder`);
    const { bavail, blocks, bsize } = await statfs(rows[0]?.folder ?? '');
    return [judgeDisk(bavail * bsize, blocks * bsize)];
  } catch {
    return [skipped('postgres.disk', 'The disk of the database can not be looked at from here: watch it on its own')];
  }
}
