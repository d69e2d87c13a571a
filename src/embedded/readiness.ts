import { get as getPlainly } from 'node:http';
import { get as getWithTls } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { LaunchError } from './launch-error.js';

/**
 * Polls a health address until it answers 200.
 * @throws LaunchError after `timeoutMs` with what it answered last; the signal's reason when it is aborted.
 */
export async function waitUntilReady(url: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask(url);
    if (answer === '200') return;
    if (Date.now() > deadline) throw new LaunchError(`${url} is not ready after ${timeoutMs / 1000} s (${answer}).`);
    await delay(50, undefined, { signal });
  }
}

/** The status as text, with the body unless it is 200; or the error's message. */
export function ask(url: string): Promise<string> {
  return new Promise((resolve) => {
    const get = url.startsWith('https:') ? getWithTls : getPlainly;
    // The certificate names the host that clients know, not this machine's loopback; and nothing secret is sent.
    const options = { agent: false, timeout: 2_000, rejectUnauthorized: false } as const;
    const request = get(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('close', () =>
        resolve(response.statusCode === 200 ? '200' : `${response.statusCode} ${body.slice(0, 300)}`),
      );
    });
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', (error) => resolve(error.message));
  });
}
