import { useState } from 'react';
import { api, dataOf } from '@/api/client';
import { Problem } from '@/api/problem';
import { Button } from '@/components/ui/button';
import { useToasts } from '@/components/ui/toasts';
import { basenameOf } from '@/session/place';

/** For the first minute with an empty installation. */
export function SendDemoEvents() {
  const { tell, tellProblem } = useToasts();
  const [busy, setBusy] = useState(false);

  async function start(): Promise<void> {
    setBusy(true);
    try {
      const { tenant_id: tenantId } = await dataOf(api.POST('/api/v1/demo'));
      // A tenant's pages are another place: the page starts anew.
      window.location.assign(`${basenameOf(tenantId)}/live`);
    } catch (error) {
      const isClosed = Problem.from(error).status === 404;
      if (isClosed) tell('Demo events are there with npm start on its embedded database only.');
      else tellProblem(error);
      setBusy(false);
    }
  }
  return (
    <div className="flex flex-col items-center gap-3">
      <p>Create one, or see how it looks with endpoints that work, and some that do not.</p>
      <Button kind="primary" disabled={busy} onClick={() => void start()}>
        Send demo events
      </Button>
    </div>
  );
}
