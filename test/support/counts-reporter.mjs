const BACKENDS = ['redis', 'postgres'];

/**
 * Counts tests by the queue backend that their titles name, so that a run in which a whole backend was skipped can't pass
 * for a complete one. Where `CI` is set, skipped tests fail the run.
 */
export default class CountsReporter {
  printed = false;
  counts = new Map([...BACKENDS, 'none'].map((backend) => [backend, { passed: 0, failed: 0, skipped: 0 }]));

  onTestResult(_test, fileResult) {
    for (const { ancestorTitles, status } of fileResult.testResults) {
      const titles = ancestorTitles.join(' ');
      const backend = BACKENDS.find((name) => titles.includes(`[${name}]`)) ?? 'none';
      const outcome = status === 'passed' || status === 'failed' ? status : 'skipped';
      this.counts.get(backend)[outcome] += 1;
    }
    // A file that could not be loaded has no tests to tell of it.
    if (fileResult.testExecError) this.counts.get('none').failed += 1;
  }

  /** jest asks for it when every reporter is done, its own summary included: what is printed here comes last. */
  getLastError() {
    this.print();
    const { skipped } = this.total();
    const isCi = !['', 'false', '0', undefined].includes(process.env.CI);
    return isCi && skipped > 0 ? new Error(`${skipped} tests were skipped, which CI does not allow`) : undefined;
  }

  print() {
    if (this.printed) return;
    this.printed = true;
    const lines = [...this.counts].map(([backend, counts]) => {
      return `${backend === 'none' ? 'no queue backend' : `queue backend ${backend}`}: ${describe(counts)}`;
    });
    console.log(['', ...lines, describe(this.total())].join('\n'));
  }

  total() {
    const total = { passed: 0, failed: 0, skipped: 0 };
    for (const counts of this.counts.values())
      for (const outcome of Object.keys(total)) total[outcome] += counts[outcome];
    return total;
  }
}

const describe = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;
