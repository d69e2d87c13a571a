import { useState, type FormEvent } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { Button } from '@/components/ui/button';
import { Field, Input, Select } from '@/components/ui/field';
import { useToasts } from '@/components/ui/toasts';

type Request = Schemas['ReplayEndpointDto'];

const STATUSES = {
  all: 'Every event that it wants',
  dead_letter: 'Dead letters',
  missing: 'What it never got',
  succeeded: 'What was delivered',
  cancelled: 'What was cancelled',
} as const;

/** In the reader's zone, as the control wants it. */
function hourAgo(): string {
  const at = new Date(Date.now() - 3_600_000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

interface ReplayFormProps {
  endpointId: string;
  /** Also when the form is gone by then. */
  onStarted: (replayId: string) => void;
}

export function ReplayForm({ endpointId, onStarted }: ReplayFormProps) {
  const { tellProblem } = useToasts();
  const [since, setSince] = useState(hourAgo);
  const [until, setUntil] = useState('');
  const [status, setStatus] = useState<keyof typeof STATUSES>('dead_letter');
  const [busy, setBusy] = useState(false);

  async function start(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    const body: Request = {
      since: new Date(since).toISOString(),
      ...(until === '' ? {} : { until: new Date(until).toISOString() }),
      ...(status === 'all' ? {} : { status }),
    };
    try {
      const params = { path: { id: endpointId } };
      onStarted((await dataOf(api.POST('/api/v1/endpoints/{id}/replay', { params, body }))).id);
    } catch (error) {
      tellProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => void start(event)}>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Since">
          {(attributes) => (
            <Input
              {...attributes}
              type="datetime-local"
              required
              value={since}
              onChange={({ target }) => setSince(target.value)}
            />
          )}
        </Field>
        <Field label="Until" hint="Empty: now.">
          {(attributes) => (
            <Input
              {...attributes}
              type="datetime-local"
              value={until}
              onChange={({ target }) => setUntil(target.value)}
            />
          )}
        </Field>
      </div>
      <Field label="What">
        {(attributes) => (
          <Select
            {...attributes}
            value={status}
            onChange={({ target }) => setStatus(target.value as keyof typeof STATUSES)}
          >
            {Object.entries(STATUSES).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Button kind="primary" type="submit" disabled={busy} className="self-start">
        Replay
      </Button>
    </form>
  );
}
