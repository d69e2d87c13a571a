/**
 * Milliseconds on the clock that all processes of a machine share. Asked for each time: an offset between two clocks, taken once,
 * is wrong for good where the process was put aside between the two looks.
 */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6;
