import type { TestGlobals } from './global-setup.js';

/** Runs in the process that ran the setup, which left the way to undo it. */
export default async function globalTeardown(): Promise<void> {
  await (globalThis as TestGlobals).stopPosthasteTestServers?.();
}
