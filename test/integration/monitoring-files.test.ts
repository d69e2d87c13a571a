import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Config } from '../../src/config/config.js';
import { InstallationGauges } from '../../src/metrics/installation-gauges.js';
import { Metrics } from '../../src/metrics/metrics.js';
import { TenantMetrics } from '../../src/metrics/tenant-metrics.js';
import { hasPrometheus } from '../support/prometheus.js';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

interface Rules {
  groups: { rules: { alert?: string; record?: string; expr: string; annotations?: Record<string, string> }[] }[];
}

const rulesOf = (file: string): Rules['groups'][number]['rules'] =>
  (parse(read(file)) as Rules).groups.flatMap(({ rules }) => rules);
const alerts = rulesOf('monitoring/prometheus/rules/alerts.yml');
const recorded = rulesOf('monitoring/prometheus/rules/recording.yml');
const page = read('docs/monitoring.md');

/** Every metric that a process can have, by name. */
function registered(): Map<string, string> {
  const metrics = new Metrics();
  new TenantMetrics(metrics, Object.assign(new Config(), { metricsPerTenant: 1 }));
  new InstallationGauges(metrics.registry);
  const all = metrics.registry.getMetricsAsArray() as unknown as { name: string; help: string }[];
  return new Map(all.map(({ name, help }) => [name, help]));
}

const own = [...registered().keys()].filter((name) => name.startsWith('webhook_'));
/** Names in an expression; a histogram's series have suffixes of their own. */
const named = (text: string): string[] =>
  [...text.matchAll(/(?<![\w:])(?:webhook|process|nodejs)_\w+/g)].map(([name]) =>
    name.replace(/_(bucket|sum|count)$/, ''),
  );
const namesOfRecorded = (text: string): string[] => [...text.matchAll(/installation:[\w:]+/g)].map(([name]) => name);

describe('docs/monitoring.md', () => {
  it('has every metric there is, once each, and no other', () => {
    const rows = [...page.matchAll(/^\| `(webhook_\w+)` +\|/gm)].map((match) => match[1]);
    expect(rows.sort()).toEqual([...own].sort());
  });

  it('has a runbook for every alert, and for no other', () => {
    const headings = [...page.matchAll(/^### (Posthaste\w+)$/gm)].map((match) => match[1]);
    expect(headings).toEqual(alerts.map(({ alert }) => alert));
    for (const { alert = '', annotations } of alerts) {
      expect(annotations?.runbook_url).toBe(`docs/monitoring.md#${alert.toLowerCase()}`);
    }
  });
});

describe('rules and dashboards', () => {
  const folder = 'monitoring/grafana/dashboards';
  const dashboards = readdirSync(join(ROOT, folder)).map((file) => read(`${folder}/${file}`));
  const texts = [...alerts.map(({ expr }) => expr), ...recorded.map(({ expr }) => expr), ...dashboards];

  it('ask for metrics that there are', () => {
    const known = registered();
    const names = texts.flatMap((text) => named(text));
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    const records = recorded.map(({ record }) => record);
    expect(texts.flatMap(namesOfRecorded).filter((name) => !records.includes(name))).toEqual([]);
  });

  it('say of each value of the whole installation how it is put together', () => {
    for (const [name, help] of registered()) {
      if (!help.includes('Of the whole installation')) continue;
      for (const text of texts) expect(text).not.toMatch(new RegExp(`sum(?: by \\([^)]*\\))? ?\\(${name}`));
    }
  });
});

const withPromtool = hasPrometheus() ? describe : describe.skip;
withPromtool('promtool', () => {
  const promtool = (...args: string[]): string =>
    execFileSync('promtool', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });

  it('finds the configuration and the rules good', () => {
    expect(promtool('check', 'config', '--syntax-only', 'monitoring/prometheus/prometheus.yml')).toContain('SUCCESS');
    expect(
      promtool('check', 'rules', 'monitoring/prometheus/rules/alerts.yml', 'monitoring/prometheus/rules/recording.yml'),
    ).not.toContain('FAILED');
  });

  it('sees each alert fire when it should, and only then', () => {
    expect(promtool('test', 'rules', 'monitoring/tests/alerts.test.yml')).toContain('SUCCESS');
    const tested = read('monitoring/tests/alerts.test.yml');
    expect(alerts.filter(({ alert }) => !tested.includes(`alertname: ${alert}\n`))).toEqual([]);
  });
});
