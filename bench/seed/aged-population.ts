import { zipfWeights } from '../generator/tenant-picker.js';
import type { Tenants } from '../tenants.js';

/** Rows take one after the other, in an order that spreads each owner over the whole day. */
const SLOTS = 1_000;
/** Prime to {@link SLOTS}, so that each slot has its turn. */
const STRIDE = 617;
/** Of a tenant's rows: its endpoint of today, one that it has turned off, and one that it hardly used. */
const ENDPOINT_SHARES = [0.69, 0.3, 0.01];

export const ENDPOINTS_OF_TENANT = ENDPOINT_SHARES.length;

/** Whose rows a database some days old holds. */
export interface Population {
  tenantIds: string[];
  /** {@link ENDPOINTS_OF_TENANT} of each, one tenant after the other. */
  endpointIds: string[];
  /** For each slot the place of its endpoint. */
  slots: number[];
  /** The tenant that has hardly any rows: one in {@link RARE_EVERY}. Null where there is only one. */
  rarePlace: number | null;
}

/** One row in so many belongs to the tenant with the fewest, and as many are of a type that hardly anybody sends. */
export const RARE_EVERY = 50_000;

/** Zipf's law over the tenants: the first of twenty has 28 percent of all rows. */
export function populate({ ids }: Pick<Tenants, 'ids'>, endpointIds: string[]): Population {
  const many = ids.length > 1 ? ids.length - 1 : 1;
  const weights = zipfWeights(many);
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const ends: { until: number; place: number }[] = [];
  let until = 0;
  for (const [tenant, weight] of weights.entries()) {
    for (const [endpoint, share] of ENDPOINT_SHARES.entries()) {
      until += (weight / whole) * share * SLOTS;
      ends.push({ until, place: tenant * ENDPOINTS_OF_TENANT + endpoint });
    }
  }
  const slots = new Array<number>(SLOTS).fill(0);
  for (let n = 0; n < SLOTS; n++) {
    slots[(n * STRIDE) % SLOTS] = ends.find((end) => n + 0.5 < end.until)?.place ?? 0;
  }
  return {
    tenantIds: ids,
    endpointIds,
    slots,
    rarePlace: ids.length > 1 ? (ids.length - 1) * ENDPOINTS_OF_TENANT : null,
  };
}
