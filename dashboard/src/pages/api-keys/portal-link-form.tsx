import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { errorAt, Form } from '@/components/form';
import { ScopesField } from '@/components/scopes-field';
import { ShownOnce } from '@/components/shown-once';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { ALL_SCOPES } from '@/lib/scopes';
import type { Scope } from '@/session/session';
import { SecondsField } from './seconds-field';

type PortalScope = Schemas['PortalScope'];

const LIFETIMES: Record<number, string> = {
  900: '15 minutes',
  3_600: 'An hour',
  28_800: '8 hours',
  86_400: 'A day',
};

/** What a link can be given: never `keys:write`, or whoever has it could make a key that outlives it. */
export function portalScopesOf(can: (scope: Scope) => boolean): PortalScope[] {
  return ALL_SCOPES.filter((scope): scope is PortalScope => scope !== 'keys:write' && can(scope));
}

interface PortalLinkFormProps {
  tenantId: string;
  offered: readonly PortalScope[];
  onClose: () => void;
}

export function PortalLinkForm({ tenantId, offered, onClose }: PortalLinkFormProps) {
  // As the API has it: what passes for an event of the producer's has to be asked for.
  const [scopes, setScopes] = useState<PortalScope[]>(() => offered.filter((scope) => scope !== 'events:write'));
  const [lifetimeSeconds, setLifetimeSeconds] = useState(3_600);
  const make = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST('/api/v1/tenants/{id}/portal-links', {
          params: { path: { id: tenantId } },
          body: { scopes, expires_in_seconds: lifetimeSeconds },
        }),
      ),
  });
  if (make.data !== undefined) {
    return (
      <ShownOnce
        values={{ 'Portal link': make.data.url }}
        hint={
          <>
            Copy it now, and send it like a password: it is shown this once, and good until{' '}
            <Time at={make.data.expires_at} />. Opened in this browser, it would take the place of your session.
          </>
        }
      >
        <Button onClick={onClose}>I have it</Button>
      </ShownOnce>
    );
  }
  return (
    <Form mutation={make} submit="Make the link" disabled={scopes.length === 0}>
      <ScopesField offered={offered} chosen={scopes} onChange={setScopes} error={errorAt(make, 'scopes')} />
      <SecondsField
        label="Good for"
        hint="It ends sooner with the key that you have signed in with."
        error={errorAt(make, 'expires_in_seconds')}
        choices={LIFETIMES}
        value={lifetimeSeconds}
        onChange={setLifetimeSeconds}
      />
    </Form>
  );
}
