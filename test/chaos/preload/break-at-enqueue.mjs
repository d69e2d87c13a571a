import { Queue } from 'bullmq';

/**
 * A fault point for the API, between commit and enqueue: BullMQ is called first thing after the commit. From the call numbered
 * FAULT_AT_CALL on, FAULT says what happens: `kill` ends the process there and then, before any answer; `hang` never enqueues,
 * so that the answers go out and the test can kill the process with nothing in the queue.
 */
const { FAULT, FAULT_AT_CALL } = process.env;
const addBulk = Queue.prototype.addBulk;
let calls = 0;

Queue.prototype.addBulk = function (jobs) {
  calls += 1;
  if (calls < Number(FAULT_AT_CALL)) return addBulk.call(this, jobs);
  if (FAULT === 'kill') process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
};
