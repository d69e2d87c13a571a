/** In the order they run. The floor comes first: every other rate is read as a share of it. */
export const SCENARIO_NAMES = [
  'floor',
  'ingest',
  'steady',
  'end-to-end',
  'end-to-end-10',
  'retry-storm',
  'slow',
  'tenants',
  'postgres-only',
  'aged',
  'backlog',
] as const;
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

export const isScenarioName = (name: string): name is ScenarioName =>
  (SCENARIO_NAMES as readonly string[]).includes(name);
