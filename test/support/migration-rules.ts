/** A statement of a migration that the version before can't live with, or that stops its work, and why. */
export interface Breach {
  statement: string;
  reason: string;
}

interface Rule {
  breaks: RegExp;
  /** What makes it good all the same. */
  unless?: RegExp;
  reason: string;
}

const NAME = String.raw`(?:IF (?:NOT )?EXISTS )?(?:ONLY )?"?([\w.]+)"?`;

/** By the actions of an ALTER TABLE. The rules with their reasons are in docs/upgrading.md. */
const ACTIONS: readonly Rule[] = [
  { breaks: /^DROP COLUMN/i, reason: 'drops a column that the version before may use' },
  { breaks: /^RENAME/i, reason: 'renames what the version before uses' },
  { breaks: /^ALTER (COLUMN )?\S+ (SET DATA )?TYPE/i, reason: 'rewrites the table' },
  {
    breaks: /^ALTER (COLUMN )?\S+ SET NOT NULL/i,
    reason: 'the version before may write null, and every row is looked at',
  },
  { breaks: /^ADD COLUMN.* NOT NULL/i, unless: / DEFAULT /i, reason: 'the version before writes no such column' },
  {
    breaks: /^ADD COLUMN.* DEFAULT \(?(gen_random_uuid|uuidv?\d?\w*|random|clock_timestamp|nextval)\(/i,
    reason: 'a computed default rewrites the table',
  },
  {
    breaks: /^ADD (CONSTRAINT \S+ )?(CHECK|FOREIGN KEY)/i,
    unless: /NOT VALID$/i,
    reason: 'looks at every row: add it NOT VALID',
  },
  {
    breaks: /^ADD (CONSTRAINT \S+ )?(UNIQUE|PRIMARY KEY)/i,
    unless: / USING INDEX /i,
    reason: 'makes an index under a lock',
  },
];

const STATEMENTS: readonly Rule[] = [
  { breaks: /^DROP (TABLE|SCHEMA|VIEW|TYPE|SEQUENCE)/i, reason: 'drops what the version before may use' },
  { breaks: /^DROP INDEX/i, unless: / CONCURRENTLY /i, reason: 'waits for everybody who uses the table' },
  { breaks: /^TRUNCATE/i, reason: 'takes data away' },
];

/** Only of tables that were there before. */
const OF_OLD_TABLES: readonly (Rule & { table: RegExp })[] = [
  {
    breaks: /^CREATE (UNIQUE )?INDEX/i,
    // Of a partitioned table ONLY makes an entry in the catalogue, which those of its partitions are attached to.
    unless: / CONCURRENTLY | ON ONLY /i,
    table: new RegExp(` ON ${NAME}`, 'i'),
    reason: 'stops all writes to the table until it is done',
  },
  {
    breaks: /^UPDATE/i,
    table: new RegExp(`^UPDATE ${NAME}`, 'i'),
    reason: 'changes the table as a whole: do it in batches',
  },
  {
    breaks: /^DELETE/i,
    table: new RegExp(`^DELETE FROM ${NAME}`, 'i'),
    reason: 'changes the table as a whole: do it in batches',
  },
];

const isBroken = ({ breaks, unless }: Rule, text: string): boolean =>
  breaks.test(text) && (unless === undefined || !unless.test(text));

/** @param queries what a migration's `up` runs, in order */
export function breaches(queries: readonly string[]): Breach[] {
  const found: Breach[] = [];
  const made = new Set<string>();
  for (const statement of queries.flatMap(statementsOf)) {
    const created = new RegExp(`^CREATE (?:UNLOGGED )?TABLE ${NAME}`, 'i').exec(statement)?.[1];
    if (created !== undefined) made.add(created);
    const add = (rules: readonly Rule[], text: string): void => {
      for (const rule of rules) if (isBroken(rule, text)) found.push({ statement, reason: rule.reason });
    };
    add(STATEMENTS, statement);
    for (const rule of OF_OLD_TABLES) if (!made.has(rule.table.exec(statement)?.[1] ?? '')) add([rule], statement);
    const altered = new RegExp(`^ALTER TABLE ${NAME} (.*)$`, 'i').exec(statement);
    if (altered === null || made.has(altered[1] ?? '')) continue;
    for (const action of actionsOf(altered[2] ?? '')) add(ACTIONS, action);
  }
  return found;
}

/** One statement each, on one line, without comments; the bodies of functions are left out. */
function statementsOf(query: string): string[] {
  return query
    .replaceAll(/\$(\w*)\$.*?\$\1\$/gs, "''")
    .replaceAll(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.replaceAll(/\s+/g, ' ').trim())
    .filter((statement) => statement !== '');
}

/** An ALTER TABLE's actions: what its commas separate, but for those in brackets and quotes. */
function actionsOf(text: string): string[] {
  const flat = text.replaceAll(/'[^']*'/g, "''");
  const actions = [''];
  let depth = 0;
  for (const character of flat) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character === ',' && depth === 0) actions.push('');
    else actions[actions.length - 1] += character;
  }
  return actions.map((action) => action.trim());
}
