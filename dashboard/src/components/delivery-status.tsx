import type { Schemas } from '@/api/client';
import { Badge, type Tone } from './ui/badge';

type Delivery = Pick<Schemas['DeliveryDto'], 'status' | 'attempts' | 'held_by'>;

const HELD: Record<NonNullable<Delivery['held_by']>, string> = {
  disabled: 'Endpoint disabled',
  suspended: 'Tenant suspended',
  rate_limit: 'Rate limit',
  fairness: 'Waiting its turn',
  circuit: 'Circuit open',
};

/** Where a delivery stands: in the words of the field, and never by colour alone. */
export function DeliveryStatus({ delivery }: { delivery: Delivery }) {
  const [tone, text] = standOf(delivery);
  return <Badge tone={tone}>{text}</Badge>;
}

function standOf({ status, attempts, held_by: heldBy }: Delivery): [Tone, string] {
  switch (status) {
    case 'succeeded':
      return ['good', 'Delivered'];
    case 'dead_letter':
      return ['bad', 'Dead letter'];
    case 'cancelled':
      return ['neutral', 'Cancelled'];
    case 'pending':
      if (heldBy !== null) return ['warn', HELD[heldBy]];
      return attempts > 0 ? ['warn', 'Retrying'] : ['accent', 'Pending'];
  }
}
