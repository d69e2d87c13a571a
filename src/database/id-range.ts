/**
 * The least and the greatest of these ids, as bounds beside `id = ANY (…)`: PostgreSQL finds the partitions that a range touches before
 * it runs a plan, and looks into every single one for a list that it knows only as a parameter.
 * @param ids at least one, in lower case, as all that we make and all that PostgreSQL gives
 */
export function rangeOf(ids: readonly string[]): [least: string, greatest: string] {
  let [least = '', greatest = ''] = [ids[0], ids[0]];
  for (const id of ids) {
    if (id < least) least = id;
    if (id > greatest) greatest = id;
  }
  return [least, greatest];
}
