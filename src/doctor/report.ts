import { VERSION } from '../common/version.js';
import type { Finding, FindingStatus } from './finding.js';

const MARKS: Readonly<Record<FindingStatus, string>> = {
  ok: 'ok      ',
  warning: 'WARNING ',
  problem: 'PROBLEM ',
  skipped: '-       ',
};

export const hasProblem = (findings: readonly Finding[]): boolean =>
  findings.some(({ status }) => status === 'problem');

/** For people: a line for each finding, and what to do below it. */
export function asText(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ status, message, advice }) => [
    `${MARKS[status]} ${message}`,
    ...(advice === undefined ? [] : [`${' '.repeat(MARKS.ok.length)} → ${advice}`]),
  ]);
  const count = (status: FindingStatus): number => findings.filter((finding) => finding.status === status).length;
  return [...lines, `${count('problem')} problem(s), ${count('warning')} warning(s)`].join('\n');
}

/** For programs: the names of the checks don't change. */
export const asJson = (findings: readonly Finding[]): string =>
  JSON.stringify({ version: VERSION, ok: !hasProblem(findings), findings }, null, 2);
