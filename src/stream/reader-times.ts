/** How often an API process names the tenants that it has readers of. */
export const READERS_TOLD_MS = 10_000;
/** How long a worker believes it: two of them may get lost. */
export const READERS_FORGOTTEN_MS = 25_000;
