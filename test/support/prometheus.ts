import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, waitFor } from './processes.js';
import { makeTempFolder } from './temp-folder.js';

const RULES = join(import.meta.dirname, '../../monitoring/prometheus/rules');

/** Whether Debian's `prometheus` package is installed. Where CI runs it must be: `.ci/run` sees to that. */
export function hasPrometheus(): boolean {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    if (process.env.CI !== undefined) throw new Error('promtool is missing: install the package prometheus');
    console.warn('Skipped: promtool is missing (apt-get install prometheus).');
    return false;
  }
}

export interface Target {
  job: 'posthaste-api' | 'posthaste-worker';
  url: string;
}

export interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

/** The shipped rules and what they are evaluated by, on a Prometheus of a test's own. */
export class TestPrometheus {
  private constructor(
    private readonly url: string,
    private readonly end: () => Promise<void>,
  ) {}

  /** @param editAlerts changes the shipped alerts' text, to make them fire within seconds */
  static async start(
    targets: Target[],
    adminKey: string,
    editAlerts: (alerts: string) => string,
  ): Promise<TestPrometheus> {
    const folder = makeTempFolder();
    writeFileSync(join(folder, 'key'), adminKey);
    writeFileSync(join(folder, 'recording.yml'), readFileSync(join(RULES, 'recording.yml')));
    writeFileSync(join(folder, 'alerts.yml'), editAlerts(readFileSync(join(RULES, 'alerts.yml'), 'utf8')));
    const config = {
      global: { scrape_interval: '2s', evaluation_interval: '1s', scrape_timeout: '2s' },
      rule_files: ['recording.yml', 'alerts.yml'],
      scrape_configs: targets.map(({ job, url }) => ({
        job_name: job,
        basic_auth: { username: 'prometheus', password_file: 'key' },
        static_configs: [{ targets: [new URL(url).host] }],
      })),
    };
    // JSON is YAML.
    writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      'prometheus',
      [
        `--config.file=${folder}/prometheus.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${address}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const prometheus = new TestPrometheus(`http://${address}`, async () => {
      child.kill('SIGTERM');
      await exited;
    });
    await waitFor(() => prometheus.isReady(), { what: 'Prometheus to be ready' }).catch(async (error: unknown) => {
      await prometheus.stop();
      throw new Error(`${String(error)}\n${errors}`, { cause: error });
    });
    return prometheus;
  }

  stop(): Promise<void> {
    return this.end();
  }

  /** @throws Error for a query that Prometheus refuses */
  async query(expression: string): Promise<Sample[]> {
    const response = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: { result: Sample[] } };
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result;
  }

  /** Names of alerts, each once. */
  async firing(): Promise<string[]> {
    const samples = await this.query('ALERTS{alertstate="firing"}');
    return [...new Set(samples.map(({ metric }) => metric.alertname ?? ''))].sort();
  }

  private isReady(): Promise<boolean> {
    return fetch(`${this.url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
