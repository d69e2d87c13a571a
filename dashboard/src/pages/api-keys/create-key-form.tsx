import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, dataOf } from '@/api/client';
import { errorAt, Form } from '@/components/form';
import { ScopesField } from '@/components/scopes-field';
import { ShownOnce } from '@/components/shown-once';
import { Button } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { ALL_SCOPES } from '@/lib/scopes';
import { useSession } from '@/session/session';

interface FormProps {
  onChanged: () => void;
  onClose: () => void;
}

export function CreateKeyForm({ onChanged, onClose }: FormProps) {
  const { can } = useSession();
  const offered = ALL_SCOPES.filter(can);
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState(offered);
  const [expiry, setExpiry] = useState('');
  const create = useMutation({
    mutationFn: () =>
      dataOf(
        api.POST('/api/v1/api-keys', {
          body: { name: name.trim(), scopes, expires_at: expiry === '' ? null : new Date(expiry).toISOString() },
        }),
      ),
    onSuccess: onChanged,
  });
  if (create.data !== undefined) return <NewKey apiKey={create.data.key} onClose={onClose} />;
  return (
    <Form mutation={create} submit="Create it" disabled={scopes.length === 0}>
      <Field label="Name" hint="Who will use it, so that you know later." error={errorAt(create, 'name')}>
        {(attributes) => (
          <Input
            {...attributes}
            required
            maxLength={200}
            placeholder="billing backend"
            value={name}
            onChange={({ target }) => setName(target.value)}
          />
        )}
      </Field>
      <ScopesField offered={offered} chosen={scopes} onChange={setScopes} error={errorAt(create, 'scopes')} />
      <Field label="Expires" hint="Empty: never." error={errorAt(create, 'expires_at')}>
        {(attributes) => (
          <Input
            {...attributes}
            type="datetime-local"
            value={expiry}
            onChange={({ target }) => setExpiry(target.value)}
          />
        )}
      </Field>
    </Form>
  );
}

/** The answer to a creation or a rotation. */
export function NewKey({ apiKey, onClose }: { apiKey: string; onClose: () => void }) {
  return (
    <ShownOnce
      values={{ 'API key': apiKey }}
      hint="Copy it now: it is shown this once, and nobody can look it up again."
    >
      <Button onClick={onClose}>I have it</Button>
    </ShownOnce>
  );
}
