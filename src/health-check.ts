import { localUrl, readLauncherSettings } from './embedded/launcher-settings.js';
import { ask } from './embedded/readiness.js';

/** For containers, whose health is this process's exit code: whether the API, or with `worker` the worker, is ready. */
const settings = readLauncherSettings(process.env, process.cwd());
const port = process.argv[2] === 'worker' ? settings.workerPort : settings.port;
const answer = await ask(`${localUrl(settings, port)}/health/ready`);
if (answer !== '200') {
  console.error(answer);
  process.exitCode = 1;
}
