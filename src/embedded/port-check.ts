import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode, LaunchError } from './launch-error.js';

/** Above the ports that browsers and `fetch` refuse (10080 is the last that is near). */
const LEAST_PORT = 10_081;
/** Below what systems give to outgoing connections (Linux: from 32768), one of which may have the port when it is needed again. */
const GREATEST_PORT = 32_767;
const TRIES = 20;

/** A port of `host` that nothing uses at this moment, and that by a system's defaults no outgoing connection will get. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(LEAST_PORT, GREATEST_PORT + 1);
    try {
      return await listenOnce(host, port);
    } catch (error) {
      if (errorCode(error) !== 'EADDRINUSE') throw error;
    }
  }
  return listenOnce(host, 0);
}

/**
 * Makes sure that a port can be listened on, waiting up to `patienceMs` for it to become free.
 * @throws LaunchError with one line that says what to do.
 */
export async function assertPortIsFree(setting: string, host: string, port: number, patienceMs = 0): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      await listenOnce(host, port);
      return;
    } catch (error) {
      const code = errorCode(error);
      if (code !== 'EADDRINUSE') throw new LaunchError(explain(code, setting, host, port));
      if (Date.now() >= deadline) {
        throw new LaunchError(`Port ${port} on ${host} is taken. Stop what uses it or set ${setting}.`);
      }
      await delay(100);
    }
  }
}

function explain(code: string | undefined, setting: string, host: string, port: number): string {
  if (code === 'EACCES')
    return `Port ${port} on ${host} needs more rights than this user has. Set ${setting} to one above 1023.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `HOST ${host} is not an address of this machine.`;
  return `Port ${port} on ${host} can't be listened on (${code ?? 'unknown error'}). Check HOST and ${setting}.`;
}

async function listenOnce(host: string, port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : port;
}
