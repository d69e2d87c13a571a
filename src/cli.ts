#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { errorMessage } from './common/error-message.js';
import { VERSION } from './common/version.js';
import { ConfigError, loadConfig } from './config/config.js';
import { migrateDatabase, revertLastMigration } from './database/migrate-database.js';
import { examine } from './doctor/doctor.js';
import { asJson, asText, hasProblem } from './doctor/report.js';

const USAGE = `Usage: posthaste <command>

  migrate            bring the database up to date; safe beside processes at work, and more than once
  migrate --revert   take the newest migration back
  doctor             look at versions, settings, connections and the database, and say what to do;
                     ends with 1 when there is a problem
  doctor --json      the same for programs
  --version, --help

Settings are read from the environment: see .env.example.`;

class UsageError extends Error {}

try {
  process.exitCode = await run();
} catch (error) {
  const isTold = error instanceof ConfigError || error instanceof UsageError;
  console.error(isTold ? error.message : `posthaste: ${errorMessage(error)}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function run(): Promise<number> {
  const { values, positionals } = readArguments();
  if (values.version === true) return say(VERSION);
  if (values.help === true) return say(USAGE);
  const [command, ...more] = positionals;
  if (more.length === 0 && command === 'migrate' && values.json !== true) return migrate(values.revert === true);
  if (more.length === 0 && command === 'doctor' && values.revert !== true) return doctor(values.json === true);
  throw new UsageError(USAGE);
}

function readArguments(): { values: Record<string, boolean | undefined>; positionals: string[] } {
  const flag = { type: 'boolean' } as const;
  try {
    const options = { json: flag, revert: flag, version: flag, help: { ...flag, short: 'h' } };
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    throw new UsageError(`${errorMessage(error)}\n\n${USAGE}`);
  }
}

function say(text: string): number {
  console.log(text);
  return 0;
}

async function migrate(isRevert: boolean): Promise<number> {
  const { databaseUrl } = loadConfig();
  const warn = (line: string): void => console.warn(line);
  if (isRevert) {
    const name = await revertLastMigration(databaseUrl, warn);
    return say(name === null ? 'Nothing to take back: no migration has run.' : `reverted: ${name}`);
  }
  const done = await migrateDatabase(databaseUrl, warn);
  return say(done.length === 0 ? 'The database is up to date.' : done.map((name) => `migrated: ${name}`).join('\n'));
}

async function doctor(isJson: boolean): Promise<number> {
  const findings = await examine();
  say(isJson ? asJson(findings) : asText(findings));
  return hasProblem(findings) ? 1 : 0;
}
