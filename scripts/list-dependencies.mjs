// npm run dependencies:list: what each production dependency is, and what it is for. Ends with 1 when one has no reason in
// docs/dependencies.md, when that page names one that is gone, or when a licence is none that we know.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Permissive ones: what is built with them may be given on under Apache-2.0. */
const LICENCES = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'Python-2.0',
]);

const root = process.argv[2] ?? join(import.meta.dirname, '..');
const read = (file) => readFileSync(join(root, file), 'utf8');
const { dependencies = {} } = JSON.parse(read('package.json'));
const { packages } = JSON.parse(read('package-lock.json'));
const reasons = new Map(
  [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` +\| +(\S.*?) +\|$/gm)].map(([, name, reason]) => [
    name,
    reason,
  ]),
);

const problems = [];
for (const name of Object.keys(dependencies)) {
  const installed = packages[`node_modules/${name}`];
  if (installed === undefined) problems.push(`${name} is not in package-lock.json`);
  const reason = reasons.get(name);
  if (reason === undefined) problems.push(`${name} has no reason in docs/dependencies.md`);
  console.log(`${name} ${installed?.version ?? '?'} (${installed?.license ?? '?'}): ${reason ?? '?'}`);
}
for (const name of reasons.keys()) {
  if (!(name in dependencies)) problems.push(`${name} is in docs/dependencies.md, but is no dependency`);
}

// What they bring with them runs in production as well. Workspaces are ours.
const inProduction = Object.entries(packages).filter(
  ([path, { dev, devOptional, link }]) => path.includes('node_modules/') && !link && !dev && !devOptional,
);
for (const [path, { license }] of inProduction) {
  if (!LICENCES.has(license))
    problems.push(`${path.replace(/^.*node_modules\//, '')} has the licence ${license ?? 'unknown'}`);
}
console.log(`${inProduction.length} packages in production, with all that these need.`);
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
