import { callApi, inParallel } from './operator.js';
import type { Posthaste } from './posthaste.js';
import type { EndpointKind } from './wire.js';

export interface TenantsPlan {
  tenants: number;
  /** Endpoints of each, which get all its events. */
  fanOut: number;
  kindOf: (endpoint: number) => EndpointKind;
  /** Over the defaults of an endpoint. */
  endpointSettings?: Record<string, unknown>;
}

/** The tenants of a scenario, made through the API. Endpoints are numbered across all of them. */
export interface Tenants {
  ids: string[];
  apiKeys: string[];
  /** The numbers of each tenant's endpoints. */
  endpointsOf: number[][];
  endpointIds: string[];
  secrets: string[];
}

/** @param origins ports of the receiver, which the endpoints share out among them */
export async function createTenants(
  { url, adminKey }: Pick<Posthaste, 'url' | 'adminKey'>,
  plan: TenantsPlan,
  origins: readonly number[],
): Promise<Tenants> {
  const endpointsOf = Array.from({ length: plan.tenants }, (_tenant, n) =>
    Array.from({ length: plan.fanOut }, (_endpoint, place) => n * plan.fanOut + place),
  );
  const endpointIds: string[] = [];
  const secrets: string[] = [];
  const tenants = await inParallel(plan.tenants, async (n) => {
    // Without a limit: the default of 6,000 events a minute would be what is measured.
    const settings = { name: `bench ${n}`, rate_limit: null };
    const tenant = await callApi<{ id: string; api_key: string }>(`${url}/tenants`, adminKey, settings);
    for (const number of endpointsOf[n] ?? []) {
      const endpoint = await callApi<{ id: string; secret: string }>(`${url}/endpoints`, tenant.api_key, {
        url: `http://127.0.0.1:${origins[number % origins.length]}/${plan.kindOf(number)}/${number}`,
        ...plan.endpointSettings,
      });
      endpointIds[number] = endpoint.id;
      secrets[number] = endpoint.secret;
    }
    return tenant;
  });
  return {
    ids: tenants.map(({ id }) => id),
    apiKeys: tenants.map(({ api_key }) => api_key),
    endpointsOf,
    endpointIds,
    secrets,
  };
}
