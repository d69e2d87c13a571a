import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { HookServer } from '../support/hook-server.js';
import { startPosthaste, type Posthaste } from '../support/posthaste.js';
import { waitFor } from '../support/processes.js';

const MONITORING = join(import.meta.dirname, '../../monitoring');
const read = (file: string): string => readFileSync(join(MONITORING, file), 'utf8');
const PAGE = read('../docs/monitoring.md');
const ALLOY = read('alloy/config.alloy');
const DASHBOARDS = readdirSync(join(MONITORING, 'grafana/dashboards')).map((file) =>
  read(`grafana/dashboards/${file}`),
);

type Line = Record<string, unknown> & { msg: string };
/** What every line has, whatever it tells. */
const BASE = ['level', 'time', 'pid', 'hostname', 'context', 'msg'];

interface Panel {
  datasource: { type: string };
  targets: { expr: string }[];
}
const queries = [
  ...DASHBOARDS.flatMap((text) => (JSON.parse(text) as { panels: Panel[] }).panels)
    .filter(({ datasource }) => datasource.type === 'loki')
    .flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ...[...PAGE.matchAll(/^```logql\n(.*?)^```$/gms)].map((match) => match[1] ?? ''),
];
/** Without what is in quotes, which may hold anything. */
const bare = (query: string): string => query.replaceAll(/"[^"]*"/g, '""');
const selectorOf = (query: string): string => /\{([^}]*)\}/.exec(bare(query))?.[1] ?? '';
const namesIn = (text: string): string[] => [...text.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*""/g)].map((m) => m[1] ?? '');

/** Labels that the collector gives a line. */
const labels = [
  ...[...ALLOY.matchAll(/target_label\s+= "(\w+)"/g)].map((match) => match[1] ?? ''),
  ...[...(/stage\.labels \{\s+values = \{([^}]*)\}/.exec(ALLOY)?.[1] ?? '').matchAll(/(\w+) =/g)].map(
    (m) => m[1] ?? '',
  ),
];

describe('log lines, and who reads them', () => {
  let posthaste: Posthaste;
  let hooks: HookServer;
  /** One of each kind. */
  let lines: Map<string, Line>;
  beforeAll(async () => {
    hooks = await HookServer.start();
    posthaste = await startPosthaste({ backend: 'postgres' });
    hooks.respond('/gone', () => ({ status: 410 }));
    const acme = await posthaste.operator.createTenant();
    await acme.createEndpoint(hooks.url('/gone'));
    await acme.publish();
    const logged = (): Line[] =>
      posthaste
        .logs()
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as Line);
    await waitFor(() => logged().some(({ msg }) => msg === 'delivery settled'), {
      what: 'the lines',
    });
    lines = new Map(logged().map((line) => [line.msg, line]));
  });
  afterAll(async () => {
    await posthaste?.stop();
    await hooks?.close();
  });

  it.each(['event accepted', 'attempt made', 'delivery settled'])(
    '%s has the fields that docs/monitoring.md says, and no other',
    (msg) => {
      const [, said = ''] = new RegExp(`^- \`${msg}\`: (.*)$`, 'm').exec(PAGE) ?? [];
      const fields = [...said.replaceAll(/\([^)]*\)/g, '').matchAll(/`(\w+)`/g)].map((match) => match[1]);
      const line = lines.get(msg) ?? {};
      expect(
        Object.keys(line)
          .filter((name) => !BASE.includes(name))
          .sort(),
      ).toEqual(fields.sort());
    },
  );

  it('have what the dashboards and docs ask Loki for', () => {
    const fields = new Set([...lines.values()].flatMap((line) => Object.keys(line)));
    expect(queries.length).toBeGreaterThanOrEqual(6);
    const unknown = queries.flatMap((query) => {
      const wanted = namesIn(bare(query).replace(/\{[^}]*\}/, ''));
      const grouped = [...bare(query).matchAll(/by \(([^)]*)\)/g)].flatMap((match) => (match[1] ?? '').split(/,\s*/));
      return [
        ...namesIn(selectorOf(query)).filter((name) => !labels.includes(name)),
        ...wanted.filter((name) => !fields.has(name)),
        ...grouped.filter((name) => !fields.has(name) && !labels.includes(name)),
      ].map((name) => `${name}: ${query}`);
    });
    expect(unknown).toEqual([]);
    const messages = queries.flatMap((query) => [...query.matchAll(/msg="([^"]*)"/g)].map((match) => match[1] ?? ''));
    expect(messages.length).toBeGreaterThan(0);
    expect(messages.filter((msg) => !lines.has(msg))).toEqual([]);
  });

  it('have the fields that the collector takes labels and times from', () => {
    const [, expressions = ''] = /stage\.json \{\s+expressions = \{([^}]*)\}/.exec(ALLOY) ?? [];
    const taken = [...expressions.matchAll(/= "(\w+)"/g)].map((match) => match[1] ?? '');
    expect(taken).toEqual(['level', 'time']);
    for (const line of lines.values()) {
      for (const field of taken) expect(typeof line[field]).toBe('number');
      // `UnixMs`.
      expect(Math.abs(Date.now() - Number(line.time))).toBeLessThan(600_000);
    }
    const named = [...ALLOY.matchAll(/eq \.Value \\"(\d+)\\" \}\}(\w+)/g)].map(([, number, name]) => [
      name,
      Number(number),
    ]);
    const { trace, ...others } = pino.levels.values;
    expect(Object.fromEntries(named)).toEqual(others);
    expect(ALLOY).toContain('{{ else }}trace{{ end }}');
    expect(trace).toBe(10);
  });
});

describe('monitoring/alloy/config.alloy', () => {
  it('connects only parts that there are, and ends where Loki listens', () => {
    const parts = [...ALLOY.matchAll(/^([a-z][a-z_.]*) "(\w+)" \{$/gm)].map(([, kind, name]) => `${kind}.${name}`);
    expect(parts.length).toBeGreaterThanOrEqual(5);
    const referred = [...ALLOY.matchAll(/\b((?:discovery|loki)\.[a-z_]+\.\w+)\.(?:targets|output|receiver)\b/g)].map(
      (match) => match[1] ?? '',
    );
    // Every part but the last hands on to another.
    expect(new Set(referred).size).toBe(parts.length - 1);
    expect(referred.filter((name) => !parts.includes(name))).toEqual([]);
    const code = ALLOY.replaceAll(/"(?:\\.|[^"\\])*"|\/\/.*$/gm, '');
    for (const [open, close] of ['{}', '[]', '()']) {
      expect(code.split(open ?? '').length).toBe(code.split(close ?? '').length);
    }
    const port = /http_listen_port: (\d+)/.exec(read('loki/loki.yml'))?.[1];
    expect(ALLOY).toContain(`url = "http://loki:${port}/loki/api/v1/push"`);
    expect(read('grafana/provisioning/datasources/posthaste.yml')).toContain(`url: http://loki:${port}`);
  });
});
