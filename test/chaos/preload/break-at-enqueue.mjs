import { Queue } from 'bullmq';

/**
 * A fault point for the API, between commit and enqueue: BullMQ is called first thing after the commit, by `add` or by `addBulk`
 * as the backend has it. From the call numbered FAULT_AT_CALL on, FAULT says what happens: `kill` ends the process there and then,
 * before any answer; `hang` never enqueues, so that the answers go out and the test can kill the process with nothing in the queue.
 */
const { FAULT, FAULT_AT_CALL } = process.env;
let calls = 0;

for (const name of ['add', 'addBulk']) {
  const original = Queue.prototype[name];
  Queue.prototype[name] = function (...args) {
    calls += 1;
    if (calls < Number(FAULT_AT_CALL)) return original.apply(this, args);
    if (FAULT === 'kill') process.kill(process.pid, 'SIGKILL');
    return new Promise(() => undefined);
  };
}
