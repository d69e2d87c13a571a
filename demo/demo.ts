import { DemoInstallation } from './demo-installation.js';
import { SECRET, tellStory } from './demo-story.js';
import { type Receiver, startReceiver } from './receiver.js';
import { paletteFor } from './terminal.js';

// `npm run demo`: everything on this machine, on free ports and a temporary folder, and nothing left of it afterwards.

/** npm passes on the Ctrl-C that the terminal has already sent here: what follows so soon is the same key stroke. */
const SAME_KEY_STROKE_MS = 1_000;

const print = (line = ''): void => void process.stdout.write(`${line}\n`);
const colours = paletteFor(process.stdout.isTTY === true, process.env.NO_COLOR);
// A terminal that was closed must not keep the rest from being stopped.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const ending = new AbortController();
const installation = new DemoInstallation(process.env, (reason) => ending.abort(reason));
let receiver: Receiver | undefined;
let interruptedAt: number | undefined;

async function run(): Promise<void> {
  const startedAt = performance.now();
  print('Starting PostgreSQL, the API and a worker …');
  const baseUrl = await installation.start();
  receiver = await startReceiver({ port: 0, secret: SECRET, quiet: true });
  print(
    `Ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s. API: ${baseUrl}, receiver: ${receiver.url}\n`,
  );
  const { operatorKey } = installation;
  await tellStory({ baseUrl, operatorKey, receiver, print, colours, signal: ending.signal });
  print(`\n${colours.bold('What next')}`);
  print('  npm start          your own installation; its address, its key and a first request are printed');
  print('  npm run receiver   this receiver, to send to');
  print('  http://127.0.0.1:3000/docs while it runs: every route, to try out');
  print('  README.md          from a first tenant to a dead letter, with curl; docs/ has the details');
}

/** In one line, after what the processes had to say, if anything. */
function tellFailure(error: unknown): void {
  for (const line of installation.output) process.stderr.write(`${line}\n`);
  process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
}

async function stopAll(): Promise<void> {
  await receiver?.close();
  await installation.stop();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const now = performance.now();
    if (interruptedAt === undefined) {
      interruptedAt = now;
      print('\nStopping …');
      ending.abort();
      // A start that is under way ends with this, too.
      void installation.stop().catch(() => undefined);
    } else if (now - interruptedAt > SAME_KEY_STROKE_MS) {
      installation.force();
    }
  });
}

let exitCode = 0;
try {
  await run();
} catch (error) {
  if (interruptedAt === undefined) {
    exitCode = 1;
    tellFailure(ending.signal.reason ?? error);
  }
}
try {
  await stopAll();
} catch (error) {
  exitCode = 1;
  tellFailure(error);
}
process.exit(exitCode);
