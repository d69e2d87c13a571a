import type { ReactNode } from 'react';
import type { Schemas } from '@/api/client';
import { Time } from '@/components/time';
import { Dialog } from '@/components/ui/dialog';
import { ACTIONS, ACTORS, subjectText, valueText } from './actions';

type Entry = Schemas['AuditEntryDto'];

export function EntryDialog({ entry, onClose }: { entry: Entry | null; onClose: () => void }) {
  return (
    <Dialog
      open={entry !== null}
      onOpenChange={(open) => open || onClose()}
      title={entry === null ? '' : ACTIONS[entry.action]}
    >
      {entry !== null && <Details entry={entry} />}
    </Dialog>
  );
}

function Details({ entry }: { entry: Entry }) {
  const { at, actor, subject, changes, ip, tenant_id: tenantId, user_agent: userAgent, request_id: requestId } = entry;
  return (
    <div className="flex flex-col gap-4">
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1.5">
        <Row name="When">
          <Time at={at} />
        </Row>
        <Row name="Who">
          {ACTORS[actor.kind]} <Id id={actor.id} />
        </Row>
        <Row name="To what">
          {subjectText(subject.kind)} <Id id={subject.id} />
        </Row>
        {tenantId !== null && (
          <Row name="Tenant">
            <Id id={tenantId} />
          </Row>
        )}
        {ip !== null && <Row name="Address">{ip}</Row>}
        {userAgent !== null && <Row name="With">{userAgent}</Row>}
        {requestId !== null && (
          <Row name="Request">
            <Id id={requestId} />
          </Row>
        )}
      </dl>
      {changes.length > 0 && <Changes changes={changes} />}
    </div>
  );
}

function Changes({ changes }: { changes: Entry['changes'] }) {
  const hasOld = changes.some((change) => 'old' in change);
  return (
    <div
      tabIndex={0}
      role="region"
      aria-label="What it changed"
      className="overflow-x-auto rounded-lg border border-line"
    >
      <table className="w-full text-left text-[0.8125rem]">
        <thead className="text-xs text-ink-faint">
          <tr className="border-b border-line whitespace-nowrap">
            <th scope="col" className="px-3 py-2 font-medium">
              Field
            </th>
            {hasOld && (
              <th scope="col" className="px-3 py-2 font-medium">
                Before
              </th>
            )}
            <th scope="col" className="px-3 py-2 font-medium">
              {hasOld ? 'After' : 'Value'}
            </th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr key={change.field} className="border-b border-line align-top last:border-0">
              <th scope="row" className="px-3 py-2 font-mono text-xs font-normal whitespace-nowrap text-ink-soft">
                {change.field}
              </th>
              {hasOld && <td className="px-3 py-2">{'old' in change ? valueText(change.old) : '–'}</td>}
              <td className="px-3 py-2">{valueText(change.new)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-ink-faint">{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Id({ id }: { id: string | null }) {
  return id === null ? null : <span className="font-mono text-xs text-ink-faint">{id}</span>;
}
