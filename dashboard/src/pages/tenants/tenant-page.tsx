import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { CirclePause, CirclePlay, Pencil } from 'lucide-react';
import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { api, dataOf, type Schemas } from '@/api/client';
import { ConfirmDialog } from '@/components/confirm-dialog';
import { Fact, Facts } from '@/components/facts';
import { Page } from '@/components/page';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Card, CardHeader } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { ErrorState, Loading } from '@/components/ui/states';
import { useToasts } from '@/components/ui/toasts';
import { formatCount } from '@/lib/format';
import { basenameOf } from '@/session/place';
import { presetOf, PRESET_TEXTS } from './retries';
import { TenantFigures } from './tenant-figures';
import { TenantForm } from './tenant-form';
import { TenantStatus } from './tenant-status';

type Tenant = Schemas['TenantDto'];

/** A tenant as its operator sees it: what it may, and whether it may at all. */
export function Component() {
  const { id = '' } = useParams();
  const { data, error, refetch } = useQuery({
    queryKey: ['tenant', id],
    queryFn: () => dataOf(api.GET('/api/v1/tenants/{id}', { params: { path: { id } } })),
  });
  if (data !== undefined) return <TenantSettings tenant={data} />;
  return (
    <Page title="Tenant">
      {error === null ? <Loading /> : <ErrorState error={error} onRetry={() => void refetch()} />}
    </Page>
  );
}

function TenantSettings({ tenant }: { tenant: Tenant }) {
  const { id, name, status } = tenant;
  const { tell, tellProblem } = useToasts();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<'edit' | 'suspend' | 'delete' | null>(null);
  const close = (): void => setDialog(null);
  const params = { path: { id } };

  const patch = (body: Partial<Schemas['UpdateTenantDto']>): Promise<Tenant> =>
    // Fields with a default are no more required than others: left out, they stay.
    dataOf(api.PATCH('/api/v1/tenants/{id}', { params, body: body as Schemas['UpdateTenantDto'] }));
  const done = (text: string): void => {
    close();
    tell(text);
    void queries.invalidateQueries({ queryKey: ['tenant', id] });
    void queries.invalidateQueries({ queryKey: ['tenants'] });
  };
  const save = useMutation({ mutationFn: patch, onSuccess: () => done('Saved.') });
  const resume = useMutation({
    mutationFn: () => patch({ status: 'active' }),
    onSuccess: () => done('Resumed. What waited is let out.'),
    onError: tellProblem,
  });
  return (
    <Page
      title={name}
      hint={<span className="font-mono text-xs">{id}</span>}
      actions={
        <>
          <Button asChild>
            <a href={basenameOf(id)}>Open its pages</a>
          </Button>
          {status === 'active' ? (
            <Button onClick={() => setDialog('suspend')}>
              <CirclePause aria-hidden /> Suspend
            </Button>
          ) : (
            <Button disabled={resume.isPending} onClick={() => resume.mutate()}>
              <CirclePlay aria-hidden /> Resume
            </Button>
          )}
          <Button kind="primary" onClick={() => setDialog('edit')}>
            <Pencil aria-hidden /> Edit
          </Button>
        </>
      }
    >
      <TenantFigures tenantId={id} />
      <Card>
        <CardHeader title="Settings">
          <TenantStatus status={status} />
        </CardHeader>
        <Facts>
          <Fact name="Events accepted">{limitText(tenant.rate_limit, 'a minute')}</Fact>
          <Fact name="Attempts">{limitText(tenant.delivery_rate_limit, 'a second')}</Fact>
          <Fact name="Events are kept">
            {tenant.retention_days === null
              ? 'As long as the installation keeps them'
              : `${tenant.retention_days} days`}
          </Fact>
          <Fact name="Retries">{PRESET_TEXTS[presetOf(tenant.retry_policy)]}</Fact>
          <Fact name="Events have to be signed">{tenant.require_signed_publish ? 'Yes' : 'No'}</Fact>
          <Fact name="Email">{tenant.email ?? 'None'}</Fact>
          <Fact name="Created">
            <Time at={tenant.created_at} />
          </Fact>
          <Fact name="Changed">
            <Time at={tenant.updated_at} />
          </Fact>
        </Facts>
      </Card>
      <Card>
        <CardHeader title="Access" hint="Its keys, portal links, and who did what with them." />
        <div className="flex flex-wrap gap-2 px-4 py-4 sm:px-5">
          <Button asChild>
            <a href={`${basenameOf(id)}/api-keys`}>API keys and portal links</a>
          </Button>
          <Button asChild>
            <a href={`${basenameOf(id)}/audit-log`}>Audit log</a>
          </Button>
        </div>
      </Card>
      <Card>
        <CardHeader title="Delete" hint="Removes the tenant and everything of it. There is no way back.">
          <Button kind="danger" onClick={() => setDialog('delete')}>
            Delete the tenant
          </Button>
        </CardHeader>
      </Card>
      <Dialog
        persistent
        open={dialog === 'edit'}
        onOpenChange={(open) => {
          save.reset();
          setDialog(open ? 'edit' : null);
        }}
        title="Edit the tenant"
      >
        <TenantForm tenant={tenant} mutation={save} submit="Save" />
      </Dialog>
      <ConfirmDialog
        open={dialog === 'suspend'}
        onClose={close}
        title={`Suspend “${name}”?`}
        action="Suspend it"
        run={() => patch({ status: 'suspended' })}
        onDone={() => done('Suspended. Its deliveries wait.')}
      >
        What it publishes is refused, and its deliveries wait until it is resumed.
      </ConfirmDialog>
      <ConfirmDialog
        open={dialog === 'delete'}
        onClose={close}
        title={`Delete “${name}”?`}
        action="Delete it for ever"
        typed={name}
        run={() => dataOf(api.DELETE('/api/v1/tenants/{id}', { params }))}
        onDone={() => {
          tell(`${name} is deleted.`);
          // First, or this page would ask for a tenant that is gone.
          void Promise.resolve(navigate('/tenants')).then(() => queries.invalidateQueries({ queryKey: ['tenants'] }));
        }}
      >
        Its keys, endpoints, events, deliveries and dead letters go with it. What is pending is never delivered.
      </ConfirmDialog>
    </Page>
  );
}

const limitText = (limit: number | null, per: string): string =>
  limit === null ? 'No limit' : `Up to ${formatCount(limit)} ${per}`;
