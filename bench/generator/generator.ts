import type { GeneratorMessage, GeneratorReport } from '../wire.js';
import { Load } from './load.js';

// The load generator's process: it sends what the benchmark tells it to, and reports what was accepted.

const PROGRESS_MS = 100;
const report = (message: GeneratorReport): void => void process.send?.(message);
let load: Load | undefined;

process.on('message', (message: GeneratorMessage) => {
  switch (message.kind) {
    case 'run':
      void run(new Load(message.plan));
      break;
    case 'delivered':
      load?.noteDelivered(message.count);
      break;
  }
});
process.once('disconnect', () => process.exit());

async function run(newLoad: Load): Promise<void> {
  load = newLoad;
  const progress = setInterval(() => report({ kind: 'progress', accepted: newLoad.accepted }), PROGRESS_MS);
  const result = await newLoad.run();
  clearInterval(progress);
  report({ kind: 'done', result });
}
