import type { Cleanups } from './cleanups.js';
import type { BenchOptions } from './options.js';
import type { Progress } from './progress.js';

/** What a scenario has to work with. */
export interface Bench {
  options: BenchOptions;
  /** Of this scenario: everything it starts is stopped through these. */
  cleanups: Cleanups;
  /** A folder that is removed at the end. */
  workplace: string;
  /** Undefined: there is none, or it is not wanted. */
  redisBinary: string | undefined;
  progress: Progress;
  /** The environment without any of Posthaste's own settings. */
  env: NodeJS.ProcessEnv;
}
