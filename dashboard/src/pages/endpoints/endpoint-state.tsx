import type { Schemas } from '@/api/client';
import { Badge } from '@/components/ui/badge';

interface EndpointStateProps {
  endpoint: Schemas['EndpointDto'];
  health: Schemas['EndpointHealthDto'] | undefined;
}

/** Whether it is sent to. */
export function EndpointState({ endpoint, health }: EndpointStateProps) {
  if (!endpoint.is_active) {
    const why = endpoint.disabled_reason;
    return <Badge tone={why === null ? 'neutral' : 'bad'}>{why === null ? 'Disabled' : `Disabled: ${why}`}</Badge>;
  }
  switch (health?.circuit.state) {
    case 'open':
      return <Badge tone="bad">Circuit open</Badge>;
    case 'half_open':
      return <Badge tone="warn">Being probed</Badge>;
    case 'closed':
    case undefined:
      return <Badge tone="good">Active</Badge>;
  }
}
