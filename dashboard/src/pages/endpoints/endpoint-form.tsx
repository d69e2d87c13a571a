import { useState, type FormEvent } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { Problem } from '@/api/problem';
import { Button } from '@/components/ui/button';
import { Field, Input, Textarea } from '@/components/ui/field';
import type { ChosenPolicy } from '@/lib/retry-schedule';
import { policyOf, toRequest } from '@/lib/retry-schedule';
import { parseHeaders, parseList, showHeaders } from './form-text';
import { RetryPolicyField } from './retry-policy-field';

type Endpoint = Schemas['EndpointDto'];

interface EndpointFormProps {
  /** Null: a new one. */
  endpoint: Endpoint | null;
  onSaved: (endpoint: Endpoint) => void;
}

export function EndpointForm({ endpoint, onSaved }: EndpointFormProps) {
  const [url, setUrl] = useState(endpoint?.url ?? '');
  const [description, setDescription] = useState(endpoint?.description ?? '');
  const [types, setTypes] = useState(endpoint?.event_types.join('\n') ?? '');
  const [headers, setHeaders] = useState(showHeaders(endpoint?.headers ?? {}));
  const [rateLimit, setRateLimit] = useState(endpoint?.rate_limit?.toString() ?? '');
  const [timeout, setTimeoutMs] = useState(String(endpoint?.timeout_ms ?? 15_000));
  // Null: one that this form can't show, which stays as it is.
  const [policy, setPolicy] = useState<ChosenPolicy | null>(policyOf(endpoint?.retry_policy ?? null));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const headersBefore = showHeaders(endpoint?.headers ?? {});
  const errorOf = (field: string): string | undefined =>
    problem?.errors.find((error) => error.field === field || error.field.startsWith(`${field}.`))?.message;

  async function save(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    const body = {
      url: url.trim(),
      description: description.trim() === '' ? null : description.trim(),
      event_types: parseList(types),
      rate_limit: rateLimit === '' ? null : Number(rateLimit),
      timeout_ms: Number(timeout),
      // Values are never shown again: what was not touched must not be sent back as the mask that stands for it.
      ...(headers === headersBefore ? {} : { headers: parseHeaders(headers) }),
      ...(policy === null ? {} : { retry_policy: toRequest(policy) }),
    };
    try {
      const saved =
        endpoint === null
          ? await dataOf(api.POST('/api/v1/endpoints', { body: body as Schemas['CreateEndpointDto'] }))
          : await dataOf(
              api.PATCH('/api/v1/endpoints/{id}', {
                params: { path: { id: endpoint.id } },
                // Fields with a default are no more required than others: left out, they stay.
                body: body as Schemas['UpdateEndpointDto'],
              }),
            );
      onSaved(saved);
    } catch (error) {
      setProblem(Problem.from(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => void save(event)}>
      <Field label="URL" error={errorOf('url')}>
        {(attributes) => (
          <Input
            {...attributes}
            type="url"
            required
            placeholder="https://example.com/webhooks"
            value={url}
            onChange={({ target }) => setUrl(target.value)}
          />
        )}
      </Field>
      <Field label="Description" error={errorOf('description')}>
        {(attributes) => (
          <Input {...attributes} value={description} onChange={({ target }) => setDescription(target.value)} />
        )}
      </Field>
      <Field
        label="Event types"
        hint="One a line: order.created, or order.* for all below it. None: every type."
        error={errorOf('event_types')}
      >
        {(attributes) => (
          <Textarea
            {...attributes}
            rows={3}
            spellCheck={false}
            value={types}
            onChange={({ target }) => setTypes(target.value)}
          />
        )}
      </Field>
      <Field
        label="Headers"
        hint="One a line: Name: value. Values are not shown again; to change one, give all of them anew."
        error={errorOf('headers')}
      >
        {(attributes) => (
          <Textarea
            {...attributes}
            rows={2}
            spellCheck={false}
            value={headers}
            onChange={({ target }) => setHeaders(target.value)}
          />
        )}
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Attempts a second, at most" hint="Empty: no limit." error={errorOf('rate_limit')}>
          {(attributes) => (
            <Input
              {...attributes}
              type="number"
              min={1}
              value={rateLimit}
              onChange={({ target }) => setRateLimit(target.value)}
            />
          )}
        </Field>
        <Field label="Time limit of an attempt, ms" error={errorOf('timeout_ms')}>
          {(attributes) => (
            <Input
              {...attributes}
              type="number"
              min={1_000}
              max={30_000}
              value={timeout}
              onChange={({ target }) => setTimeoutMs(target.value)}
            />
          )}
        </Field>
      </div>
      <RetryPolicyField policy={policy} onChange={setPolicy} error={errorOf('retry_policy')} />
      {problem !== null && (
        <p role="alert" className="text-bad">
          {problem.message}
        </p>
      )}
      <Button kind="primary" type="submit" disabled={busy} className="self-start">
        {endpoint === null ? 'Add it' : 'Save'}
      </Button>
    </form>
  );
}
