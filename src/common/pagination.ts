import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsOptional, IsUUID } from 'class-validator';
import { IsWholeNumber } from './validators.js';

/** `?limit=&cursor=`, on every list. */
export class PageQueryDto {
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 200, default: 50, description: 'Items on a page.' })
  @IsOptional()
  // Not `Type(() => Number)`: that would take '', ' 1' and '0x10' for numbers.
  @Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value,
  )
  @IsWholeNumber(1, 200)
  limit: number = 50;

  @ApiPropertyOptional({ format: 'uuid', description: '`next_cursor` of the page before.' })
  @IsOptional()
  @IsUUID()
  cursor?: string;
}

export interface Page<T> {
  data: T[];
  /** Pass as `cursor` for the next, older page; null on the last one. */
  next_cursor: string | null;
}

/**
 * A page out of `limit + 1` rows, newest first. The cursor is the last id shown: ids are ordered by time,
 * so rows that arrive between two pages change neither.
 */
export function toPage<Row extends { id: string }, Item>(
  rows: Row[],
  limit: number,
  present: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  return {
    data: shown.map(present),
    next_cursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null,
  };
}
