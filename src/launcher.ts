import { join } from 'node:path';
import { LaunchError } from './embedded/launch-error.js';
import { Launcher } from './embedded/launcher.js';

/** npm passes on the Ctrl-C that the terminal has already sent here: what follows so soon is the same key stroke. */
const SAME_KEY_STROKE_MS = 1_000;

const here = import.meta.dirname;
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const printError = (line: string): void => void process.stderr.write(`${line}\n`);

// A terminal that was closed must not keep the rest from being stopped in order.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const launcher = new Launcher({
  env: process.env,
  workingDir: process.cwd(),
  scripts: { migrate: join(here, 'migrate.js'), api: join(here, 'main.js'), worker: join(here, 'worker.js') },
  print,
  printError,
  onGivenUp: (reason) => void end(1, reason),
});

let ending = false;
let stopAskedAt: number | undefined;
let forced = false;

/** A `LaunchError` is meant to be read as it is; anything else is a fault of ours, and shows where. */
function describe(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason);
  return reason instanceof LaunchError ? reason.message : (reason.stack ?? reason.message);
}

/** Stops everything and ends this process; the first caller's exit code counts. */
async function end(exitCode: number, reason?: unknown): Promise<void> {
  if (ending) return;
  ending = true;
  if (reason !== undefined) printError(describe(reason));
  try {
    await launcher.stop();
  } catch (error) {
    printError(String(error));
    exitCode = 1;
  }
  process.exit(exitCode);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const now = performance.now();
    if (stopAskedAt === undefined) {
      stopAskedAt = now;
      print('');
      void end(0);
    } else if (!forced && now - stopAskedAt > SAME_KEY_STROKE_MS) {
      forced = true;
      printError('Stopping at once.');
      launcher.force();
    }
  });
}

try {
  await launcher.start();
} catch (error) {
  await end(1, error);
}
