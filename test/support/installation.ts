import { HookServer } from './hook-server.js';
import { errorLines, startPosthaste, type Posthaste, type PosthasteOptions } from './posthaste.js';

export interface Installation {
  readonly posthaste: Posthaste;
  readonly hooks: HookServer;
}

/**
 * One installation and one receiver for all scenarios of a `describe`, which tell their traffic apart by tenant and path.
 * Afterwards its processes must end in order, and must have logged no error.
 */
export function useInstallation(options: PosthasteOptions): Installation {
  let posthaste: Posthaste | undefined;
  let hooks: HookServer | undefined;
  beforeAll(async () => {
    hooks = await HookServer.start();
    posthaste = await startPosthaste(options);
  });
  afterAll(async () => {
    const exits = await posthaste?.stop();
    await hooks?.close();
    expect(exits?.filter(({ code }) => code !== 0)).toEqual([]);
    expect(errorLines(posthaste?.logs() ?? '')).toEqual([]);
  });
  return {
    get posthaste() {
      if (posthaste === undefined) throw new Error('Posthaste has not started');
      return posthaste;
    },
    get hooks() {
      if (hooks === undefined) throw new Error('The receiver has not started');
      return hooks;
    },
  };
}
