import { ApiPropertyOptional } from '@nestjs/swagger';
import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { idBoundary } from './ids.js';
import { PageQueryDto } from './pagination.js';
import { IfPresent, IsTimestamp } from './validators.js';

/** `?after=&before=` beside the page, on lists whose ids tell the time. */
export class TimeRangePageQueryDto extends PageQueryDto {
  @ApiPropertyOptional({ format: 'date-time', description: 'Made at this time or later.' })
  @IfPresent()
  @IsTimestamp()
  after?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Made before this time.' })
  @IfPresent()
  @IsTimestamp()
  before?: string;
}

/**
 * Bounds a list to one page and its time range, by id alone: ids are ordered by time, and the partitions follow them.
 * Fetches a row more than the page has, from which `toPage` sees that there is another page.
 */
export function newestFirst<Row extends ObjectLiteral>(
  rows: SelectQueryBuilder<Row>,
  { limit, cursor, after, before }: Pick<TimeRangePageQueryDto, 'limit' | 'cursor' | 'after' | 'before'>,
): SelectQueryBuilder<Row> {
  const id = `${rows.alias}.id`;
  if (cursor !== undefined) rows.andWhere(`${id} < :cursor`, { cursor });
  if (after !== undefined) rows.andWhere(`${id} >= :after`, { after: idBoundary(Date.parse(after)) });
  if (before !== undefined) rows.andWhere(`${id} < :before`, { before: idBoundary(Date.parse(before)) });
  return rows.orderBy(id, 'DESC').limit(limit + 1);
}
