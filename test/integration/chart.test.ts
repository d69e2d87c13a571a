import { Ajv } from 'ajv';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CONFIG_VARIABLES, loadConfig } from '../../src/config/config.js';
import { canRender, CHART, render, type Manifest } from '../support/chart.js';

const read = (file: string): string => readFileSync(join(CHART, file), 'utf8');
const schema = JSON.parse(read('values.schema.json')) as {
  properties: { config: { properties: Record<string, unknown> } };
};
const SECRETS = ['DATABASE_URL', 'ADMIN_API_KEY', 'ENCRYPTION_KEY', 'ENCRYPTION_KEYS_RETIRED'];
/** What templates set by themselves. */
const OWN = ['HOST', 'PORT', 'WORKER_PORT', 'SHUTDOWN_GRACE_SECONDS', 'SHUTDOWN_DELAY_SECONDS'];

describe('the chart', () => {
  it('is of the version that it starts', () => {
    const { version } = JSON.parse(readFileSync(join(CHART, '../../package.json'), 'utf8')) as { version: string };
    expect(parse(read('Chart.yaml'))).toMatchObject({ name: 'posthaste', appVersion: version });
  });
});

describe("the chart's values", () => {
  it('may have every setting there is, and no other', () => {
    expect([...Object.keys(schema.properties.config.properties), ...SECRETS, ...OWN].sort()).toEqual(
      [...CONFIG_VARIABLES].sort(),
    );
    for (const name of SECRETS) expect(read('values.yaml')).toContain(name);
  });

  it('are good as they are but for the secret, and a misspelt setting is refused', () => {
    const validate = new Ajv({ strict: false }).compile(schema);
    const values = parse(read('values.yaml')) as object;
    expect(validate(values)).toBe(false);
    expect(validate({ ...values, existingSecret: 'posthaste' })).toBe(true);
    expect(validate({ ...values, existingSecret: 'posthaste', config: { RETENTION_DAY: 3 } })).toBe(false);
  });
});

const ifItCan = canRender() ? describe : describe.skip;

ifItCan('the chart (rendered by Go and sprig: apt-get install golang-go golang-github-masterminds-sprig-dev)', () => {
  const secret = { existingSecret: 'posthaste-keys' };
  const everything = {
    ...secret,
    config: { REDIS_URL: 'redis://redis:6379', RETENTION_DAYS: 7, HTTPS_ONLY: true },
    ingress: { enabled: true, className: 'nginx', tlsSecretName: 'webhooks-tls' },
    serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
    prometheusRule: {
      enabled: true,
      labels: { release: 'prometheus' },
      runbookPage: 'https://wiki.example.com/posthaste',
    },
    dashboards: { enabled: true },
    networkPolicy: {
      stores: [{ to: [{ ipBlock: { cidr: '10.20.0.0/16' } }], ports: [{ port: 5432, protocol: 'TCP' }] }],
      allowedPrivateCidrs: ['10.9.0.0/16'],
      metricsFrom: [{ namespaceSelector: { matchLabels: { name: 'monitoring' } } }],
    },
    worker: {
      keda: { enabled: true },
      extraVolumes: [{ name: 'ca', configMap: { name: 'ca' } }],
      extraVolumeMounts: [{ name: 'ca', mountPath: '/ca' }],
      tolerations: [{ key: 'spot', operator: 'Exists' }],
    },
    serviceAccount: { annotations: { team: 'platform' } },
    imagePullSecrets: [{ name: 'registry' }],
  };
  /** Nothing that can be left out, and an installation that ends TLS itself. */
  const least = {
    ...secret,
    config: { TLS_CERT_FILE: '/tls/tls.crt', TLS_KEY_FILE: '/tls/tls.key' },
    api: { autoscaling: { enabled: false }, podDisruptionBudget: { enabled: false } },
    worker: { podDisruptionBudget: { enabled: false }, keda: { enabled: false } },
    migrate: { enabled: false },
    networkPolicy: { enabled: false },
    serviceAccount: { create: false, name: 'of-the-platform' },
  };
  const scaledByBacklog = {
    ...secret,
    worker: { keda: { enabled: true, query: 'installation:webhook_backlog_deliveries:sendable', threshold: 2_000 } },
  };
  const one = (manifests: Manifest[], kind: string, name?: string): Manifest => {
    const found = manifests.filter((one) => one.kind === kind && (name === undefined || one.metadata.name === name));
    expect(found).toHaveLength(1);
    return found[0] as Manifest;
  };
  interface PodSpec {
    terminationGracePeriodSeconds: number;
    securityContext: object;
    automountServiceAccountToken: boolean;
    containers: {
      command: string[];
      securityContext: object;
      env?: { name: string; value: string }[];
      ports?: { containerPort: number }[];
      readinessProbe?: { httpGet: { path: string; scheme: string } };
    }[];
  }
  const podOf = (manifest: Manifest): PodSpec => (manifest.spec.template as { spec: PodSpec }).spec;
  const kinds = (manifests: Manifest[]): string[] => manifests.map(({ kind }) => kind).sort();

  it.each([
    ['as it comes', secret],
    ['with everything', everything],
    ['with the least', least],
    ['with workers scaled by the backlog', scaledByBacklog],
  ])('is what Kubernetes, KEDA and the Prometheus operator take, %s', (_case, values) => {
    const manifests = render(values);
    const complaints = execFileSync(
      process.execPath,
      [join(import.meta.dirname, '../support/validate-manifests.mjs')],
      {
        input: JSON.stringify([
          ...manifests,
          { apiVersion: 'v1', kind: 'Service', metadata: { name: 'bad' }, spec: { ports: [{ port: 'x' }] } },
        ]),
        encoding: 'utf8',
      },
    );
    expect(JSON.parse(complaints)).toEqual(['Service bad: data/spec/ports/0/port must be integer']);
  });

  it('has by default what needs nothing but Kubernetes, and the rest when it is asked for', () => {
    const usual = ['ConfigMap', 'Deployment', 'Deployment', 'HorizontalPodAutoscaler', 'Job', 'NetworkPolicy'];
    const expected = [...usual, 'PodDisruptionBudget', 'PodDisruptionBudget', 'Service', 'Service', 'ServiceAccount'];
    expect(kinds(render(secret))).toEqual(expected);
    const more = ['ConfigMap', 'Ingress', 'PrometheusRule', 'ScaledObject', 'ServiceMonitor'];
    expect(kinds(render(everything))).toEqual([...expected, ...more].sort());
    expect(kinds(render(least))).toEqual(['ConfigMap', 'Deployment', 'Deployment', 'Service', 'Service']);
    expect(one(render(least), 'Deployment', 'hooks-posthaste-api').spec.replicas).toBe(2);
    const scaledBy = one(render(everything), 'Deployment', 'hooks-posthaste-worker').spec;
    expect(scaledBy).not.toHaveProperty('replicas');
    expect(one(render(secret), 'Deployment', 'hooks-posthaste-worker').spec.replicas).toBe(2);
  });

  it('says what is missing, and refuses a secret among the settings', () => {
    expect(() => render({})).toThrow(/existingSecret must name a secret/);
    expect(() => render({ ...secret, config: { ADMIN_API_KEY: 'an operator key of 32 characters' } })).toThrow(
      /config.ADMIN_API_KEY/,
    );
  });

  it('gives the roles settings that are good, and starts what the build makes', () => {
    const manifests = render(everything);
    const { data = {} } = one(manifests, 'ConfigMap', 'hooks-posthaste');
    const given = {
      DATABASE_URL: 'postgres://u@h/d',
      ADMIN_API_KEY: 'an operator key of 32 characters',
      ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    };
    expect(loadConfig({ ...data, ...given })).toMatchObject({
      host: '0.0.0.0',
      retentionDays: 7,
      httpsOnly: true,
      redisUrl: 'redis://redis:6379',
    });
    const migrate = podOf(one(manifests, 'Job')).containers[0];
    expect(migrate?.command).toEqual(['node', 'dist/src/cli.js', 'migrate']);
    // The config map comes after it.
    expect(migrate?.env).toContainEqual({ name: 'RETENTION_DAYS', value: '7' });
    for (const [role, script, port] of [
      ['api', 'dist/src/main.js', data.PORT],
      ['worker', 'dist/src/worker.js', data.WORKER_PORT],
    ]) {
      const [container] = podOf(one(manifests, 'Deployment', `hooks-posthaste-${role}`)).containers;
      expect(container?.command).toEqual(['node', script]);
      expect(container?.ports).toEqual([{ name: 'http', containerPort: Number(port) }]);
      expect(container?.readinessProbe?.httpGet.path).toBe('/health/ready');
    }
  });

  it('gives every pod no more rights than it needs, and time to finish', () => {
    const manifests = render({ ...everything, shutdownGraceSeconds: 90 });
    for (const manifest of manifests.filter(({ kind }) => ['Deployment', 'Job'].includes(kind))) {
      const pod = podOf(manifest);
      expect(pod.automountServiceAccountToken).toBe(false);
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const { securityContext } of pod.containers) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
    expect(podOf(one(manifests, 'Deployment', 'hooks-posthaste-api')).terminationGracePeriodSeconds).toBe(110);
    expect(podOf(one(manifests, 'Deployment', 'hooks-posthaste-worker')).terminationGracePeriodSeconds).toBe(100);
  });

  it('lets pods reach public addresses, and of the inside what is named', () => {
    interface Egress {
      to?: { ipBlock?: { cidr: string; except?: string[] } }[];
      ports?: { port: number }[];
    }
    const { egress } = one(render(everything), 'NetworkPolicy').spec as unknown as { egress: Egress[] };
    const blocks = egress.flatMap(({ to = [] }) => to).flatMap(({ ipBlock }) => ipBlock ?? []);
    expect(blocks.map(({ cidr }) => cidr)).toEqual(['10.20.0.0/16', '0.0.0.0/0', '2000::/3', '10.9.0.0/16']);
    expect(blocks[1]?.except).toEqual(
      expect.arrayContaining(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', '127.0.0.0/8']),
    );
    // Whatever has no `to` is open to every address.
    expect(egress.filter(({ to }) => to === undefined)).toEqual([]);
    const usual = one(render(secret), 'NetworkPolicy').spec as unknown as { egress: Egress[] };
    expect(
      usual.egress.filter(({ to }) => to === undefined).map(({ ports }) => ports?.map(({ port }) => port)),
    ).toEqual([[5432, 6379]]);
  });

  it('asks for readiness by TLS where the processes speak it', () => {
    const schemeOf = (values: object): unknown =>
      podOf(one(render(values), 'Deployment', 'hooks-posthaste-worker')).containers[0]?.readinessProbe?.httpGet.scheme;
    expect([schemeOf(secret), schemeOf(least)]).toEqual(['HTTP', 'HTTPS']);
  });

  it('scales the API by CPU, and workers by what waits', () => {
    const manifests = render(scaledByBacklog);
    expect(one(manifests, 'HorizontalPodAutoscaler').spec).toMatchObject({
      scaleTargetRef: { kind: 'Deployment', name: 'hooks-posthaste-api' },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }],
    });
    const triggerOf = (values: object): unknown => one(render(values), 'ScaledObject').spec.triggers;
    const trigger = (query: string, threshold: string): object[] => [
      { type: 'prometheus', metadata: { serverAddress: 'http://prometheus.monitoring:9090', query, threshold } },
    ];
    expect(triggerOf(scaledByBacklog)).toEqual(trigger('installation:webhook_backlog_deliveries:sendable', '2000'));
    expect(triggerOf(everything)).toEqual(trigger('max(webhook_oldest_due_delivery_age_seconds)', '15'));
    expect(one(manifests, 'ScaledObject').spec.scaleTargetRef).toEqual({ name: 'hooks-posthaste-worker' });
  });

  it('hands the rules and dashboards over as they are, and names the scraped jobs as the rules do', () => {
    const manifests = render(everything);
    const rules = (name: string): { groups: object[] } =>
      parse(readFileSync(join(CHART, `../../monitoring/prometheus/rules/${name}.yml`), 'utf8')) as { groups: object[] };
    const groups = [...rules('recording').groups, ...rules('alerts').groups];
    expect(one(manifests, 'PrometheusRule').spec.groups).toEqual(
      JSON.parse(JSON.stringify(groups).replaceAll('docs/monitoring.md', 'https://wiki.example.com/posthaste')),
    );
    const dashboards = join(CHART, '../../monitoring/grafana/dashboards');
    const { data = {}, metadata } = one(manifests, 'ConfigMap', 'hooks-posthaste-dashboards');
    expect(Object.keys(data).sort()).toEqual(readdirSync(dashboards).sort());
    for (const [file, text] of Object.entries(data)) {
      expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(join(dashboards, file), 'utf8')));
    }
    expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' });
    const { endpoints } = one(manifests, 'ServiceMonitor').spec as { endpoints: { relabelings: object[] }[] };
    expect(endpoints[0]?.relabelings).toEqual([
      {
        sourceLabels: ['__meta_kubernetes_service_label_app_kubernetes_io_component'],
        targetLabel: 'job',
        replacement: 'posthaste-$1',
      },
    ]);
    for (const role of ['api', 'worker']) {
      const name = role === 'api' ? 'hooks-posthaste' : 'hooks-posthaste-worker';
      expect(one(manifests, 'Service', name).metadata.labels['app.kubernetes.io/component']).toBe(role);
      expect(JSON.stringify(groups)).toContain(`up{job=\\"posthaste-${role}\\"}`);
    }
  });

  it('makes new pods when a setting changes', () => {
    const checksum = (values: object): unknown =>
      (one(render(values), 'Deployment', 'hooks-posthaste-api').spec.template as Manifest).metadata.annotations?.[
        'checksum/config'
      ];
    expect(checksum(secret)).toBe(checksum({ ...secret, api: { replicas: 5 } }));
    expect(checksum(secret)).not.toBe(checksum({ ...secret, config: { LOG_LEVEL: 'debug' } }));
  });
});
