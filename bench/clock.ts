/** CLOCK_MONOTONIC, which all processes of a machine share: times of generator and receiver can be subtracted. */
const OFFSET_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds with fractions, comparable between the processes of this machine until it is started again. */
export const sharedNow = (): number => OFFSET_MS + performance.now();
