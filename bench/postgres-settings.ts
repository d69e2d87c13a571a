import { totalmem } from 'node:os';

const GIGABYTE = 1024 ** 3;

/** Of 16 MB, kept to be used again: what a run of half a minute writes. */
export const WAL_FILES = 32;

/**
 * What anybody would set on a server for production, the same in every scenario. Nothing here touches durability: `fsync`,
 * `synchronous_commit` and `full_page_writes` stay as PostgreSQL has them, on.
 */
export const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  // A quarter of the memory, as PostgreSQL's manual advises, and no more than the data of a run can fill.
  shared_buffers: `${Math.floor(Math.min(GIGABYTE, totalmem() / 4) / 1024 ** 2)}MB`,
  // Checkpoints by the clock and not by the volume, which a benchmark writes in minutes.
  max_wal_size: '4GB',
  min_wal_size: `${WAL_FILES * 16}MB`,
  max_connections: '300',
};
