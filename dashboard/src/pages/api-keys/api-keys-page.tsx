import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { KeyRound, Link2, Plus } from 'lucide-react';
import { useMemo, useState } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { ConfirmDialog } from '@/components/confirm-dialog';
import { DataTable } from '@/components/data-table';
import { Page } from '@/components/page';
import { Button } from '@/components/ui/button';
import { Card } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { EmptyState } from '@/components/ui/states';
import { useToasts } from '@/components/ui/toasts';
import { useFilters } from '@/lib/use-filters';
import { useSession } from '@/session/session';
import { columnsOf } from './columns';
import { CreateKeyForm } from './create-key-form';
import { PortalLinkForm, portalScopesOf } from './portal-link-form';
import { RotateKeyForm } from './rotate-key-form';

type ApiKey = Schemas['ApiKeyDto'];

export function Component() {
  const { can, tenantId } = useSession();
  const { paging } = useFilters();
  const { tell } = useToasts();
  const queries = useQueryClient();
  const [dialog, setDialog] = useState<'create' | 'portal' | null>(null);
  const [rotated, setRotated] = useState<ApiKey | null>(null);
  const [revoked, setRevoked] = useState<ApiKey | null>(null);
  const query = useQuery({
    queryKey: ['api-keys', paging.cursor],
    placeholderData: keepPreviousData,
    queryFn: () =>
      dataOf(api.GET('/api/v1/api-keys', { params: { query: paging.cursor ? { cursor: paging.cursor } : {} } })),
  });
  const columns = useMemo(() => columnsOf({ onRotate: setRotated, onRevoke: setRevoked }), []);
  const refresh = (): void => void queries.invalidateQueries({ queryKey: ['api-keys'] });
  const portalScopes = portalScopesOf(can);
  return (
    <Page
      title="API keys"
      hint="Who may call the API, and do what."
      actions={
        <>
          {tenantId !== null && portalScopes.length > 0 && (
            <Button onClick={() => setDialog('portal')}>
              <Link2 aria-hidden /> Make a portal link
            </Button>
          )}
          <Button kind="primary" onClick={() => setDialog('create')}>
            <Plus aria-hidden /> Create a key
          </Button>
        </>
      }
    >
      <Card>
        <DataTable
          label="API keys"
          columns={columns}
          query={query}
          paging={paging}
          empty={<EmptyState icon={KeyRound} title="There is no key" />}
        />
      </Card>
      <Dialog
        persistent
        open={dialog === 'create'}
        onOpenChange={(open) => setDialog(open ? 'create' : null)}
        title="Create a key"
        description="A key only gives what you may do yourself."
      >
        <CreateKeyForm onChanged={refresh} onClose={() => setDialog(null)} />
      </Dialog>
      <Dialog
        persistent
        open={dialog === 'portal'}
        onOpenChange={(open) => setDialog(open ? 'portal' : null)}
        title="Make a portal link"
        description="It lets a person look after this tenant in a browser for a while, without a key."
      >
        <PortalLinkForm tenantId={tenantId ?? ''} offered={portalScopes} onClose={() => setDialog(null)} />
      </Dialog>
      <Dialog
        persistent
        open={rotated !== null}
        onOpenChange={() => setRotated(null)}
        title={`Rotate “${rotated?.name ?? ''}”`}
        description="A new key with the same name, scopes and lifetime; both are good until the old one ends."
      >
        {rotated !== null && <RotateKeyForm apiKey={rotated} onChanged={refresh} onClose={() => setRotated(null)} />}
      </Dialog>
      <ConfirmDialog
        open={revoked !== null}
        onClose={() => setRevoked(null)}
        title={`Revoke “${revoked?.name ?? ''}”?`}
        action="Revoke it"
        run={() => dataOf(api.DELETE('/api/v1/api-keys/{id}', { params: { path: { id: revoked?.id ?? '' } } }))}
        onDone={() => {
          setRevoked(null);
          tell('Revoked. Nobody can use it any more.');
          refresh();
        }}
      >
        Whoever uses it is refused at once, and the sessions and portal links made with it end. There is no way back.
      </ConfirmDialog>
    </Page>
  );
}
