/**
 * The condition of a statement that changes deliveries `d` by their ids, those among them that are still in the queue or under way.
 * Whether it is the same lease is for the statement to compare.
 *
 * Written so that PostgreSQL goes by the primary key. Plainly said, status and lease offer it the index of all leased deliveries, which
 * it takes to be nearly empty and which is full of what was settled since the last vacuum: 30 ms with 200,000, of 0.3 ms otherwise.
 * @param ids the parameter with the ids, `uuid[]`
 * @param least the parameter with the least of them, for the partitions. As a subquery, of which the planner knows nothing: by
 *   statistics, which know of nothing so new, it would count on a single row and compare all with all
 */
export const leasedById = (ids: string, least: string): string =>
  `d.id = ANY(${ids}::uuid[]) AND d.id >= (SELECT ${least}::uuid)
    AND coalesce(d.status = 'pending' AND d.leased_until IS NOT NULL, false)`;
