import { api, dataOf, type Schemas } from '@/api/client';
import { useMutation } from '@tanstack/react-query';
import { Link } from 'react-router';
import { ShownOnce } from '@/components/shown-once';
import { Button } from '@/components/ui/button';
import { basenameOf } from '@/session/place';
import { TenantForm } from './tenant-form';

export function CreateTenant({ onCreated }: { onCreated: () => void }) {
  const create = useMutation({
    mutationFn: (body: Schemas['CreateTenantDto']) => dataOf(api.POST('/api/v1/tenants', { body })),
    onSuccess: onCreated,
  });
  if (create.data === undefined) return <TenantForm tenant={null} mutation={create} submit="Create it" />;
  const { id, name, api_key: apiKey, secret_key: secretKey } = create.data;
  return (
    <ShownOnce
      values={{ 'API key, with all scopes': apiKey, 'Secret key': secretKey }}
      hint={`Copy what ${name} needs now: both are shown this once. The secret key signs for endpoints of the kind sha256 that have no secret of their own.`}
    >
      <Button asChild kind="primary">
        <a href={basenameOf(id)}>Open its pages</a>
      </Button>
      <Button asChild>
        <Link to={`/tenants/${id}`}>Its settings</Link>
      </Button>
    </ShownOnce>
  );
}
