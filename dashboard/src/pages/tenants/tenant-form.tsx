import { useState } from 'react';
import type { Schemas } from '@/api/client';
import { errorAt, Form } from '@/components/form';
import { Checkbox, Field, Input, Select } from '@/components/ui/field';
import { presetOf, PRESET_TEXTS, type PresetChoice } from './retries';

type Tenant = Schemas['TenantDto'];
type Settings = Schemas['CreateTenantDto'];

const DEFAULT_RATE_LIMIT = 6_000;

interface TenantFormProps {
  /** Null: a new one. */
  tenant: Tenant | null;
  mutation: { isPending: boolean; error: Error | null; mutate: (settings: Settings) => void };
  submit: string;
}

export function TenantForm({ tenant, mutation, submit }: TenantFormProps) {
  const [name, setName] = useState(tenant?.name ?? '');
  const [email, setEmail] = useState(tenant?.email ?? '');
  const [rateLimit, setRateLimit] = useState(textOf(tenant === null ? DEFAULT_RATE_LIMIT : tenant.rate_limit));
  const [deliveryRateLimit, setDeliveryRateLimit] = useState(textOf(tenant?.delivery_rate_limit));
  const [retentionDays, setRetentionDays] = useState(textOf(tenant?.retention_days));
  const [retries, setRetries] = useState<PresetChoice>(presetOf(tenant?.retry_policy ?? null));
  const [isSigned, setSigned] = useState(tenant?.require_signed_publish ?? false);

  const settings: Settings = {
    name: name.trim(),
    email: email.trim() === '' ? null : email.trim(),
    rate_limit: limitOf(rateLimit),
    delivery_rate_limit: limitOf(deliveryRateLimit),
    retention_days: limitOf(retentionDays),
    require_signed_publish: isSigned,
    // One that this form can't show stays as it is.
    ...(retries === 'other' ? {} : { retry_policy: retries === 'inherited' ? null : { preset: retries } }),
  };
  return (
    <Form mutation={{ ...mutation, mutate: () => mutation.mutate(settings) }} submit={submit}>
      <Field label="Name" error={errorAt(mutation, 'name')}>
        {(attributes) => (
          <Input
            {...attributes}
            required
            maxLength={200}
            value={name}
            onChange={({ target }) => setName(target.value)}
          />
        )}
      </Field>
      <Field label="Email" hint="Whom to turn to. Nothing is sent there." error={errorAt(mutation, 'email')}>
        {(attributes) => (
          <Input
            {...attributes}
            type="email"
            autoComplete="off"
            value={email}
            onChange={({ target }) => setEmail(target.value)}
          />
        )}
      </Field>
      <div className="grid gap-4 sm:grid-cols-2">
        <LimitField
          label="Events a minute, at most"
          hint="Empty: no limit."
          max={10_000_000}
          value={rateLimit}
          onChange={setRateLimit}
          error={errorAt(mutation, 'rate_limit')}
        />
        <LimitField
          label="Attempts a second, at most"
          hint="Empty: no limit."
          max={100_000}
          value={deliveryRateLimit}
          onChange={setDeliveryRateLimit}
          error={errorAt(mutation, 'delivery_rate_limit')}
        />
        <LimitField
          label="Days that events are kept"
          hint="Empty: as long as the installation keeps them."
          max={3_650}
          value={retentionDays}
          onChange={setRetentionDays}
          error={errorAt(mutation, 'retention_days')}
        />
        <Field
          label="Retries"
          hint="Of endpoints without a policy of their own."
          error={errorAt(mutation, 'retry_policy')}
        >
          {(attributes) => (
            <Select {...attributes} value={retries} onChange={({ target }) => setRetries(target.value as PresetChoice)}>
              {Object.entries(PRESET_TEXTS)
                .filter(([choice]) => choice !== 'other' || retries === 'other')
                .map(([choice, text]) => (
                  <option key={choice} value={choice}>
                    {text}
                  </option>
                ))}
            </Select>
          )}
        </Field>
      </div>
      <Checkbox
        checked={isSigned}
        onChange={({ target }) => setSigned(target.checked)}
        label="Refuse events that are not signed with the tenant's secret key"
      />
    </Form>
  );
}

interface LimitFieldProps {
  label: string;
  hint: string;
  max: number;
  value: string;
  onChange: (value: string) => void;
  error: string | undefined;
}

function LimitField({ label, hint, max, value, onChange, error }: LimitFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(attributes) => (
        <Input
          {...attributes}
          type="number"
          min={1}
          max={max}
          value={value}
          onChange={({ target }) => onChange(target.value)}
        />
      )}
    </Field>
  );
}

const textOf = (limit: number | null | undefined): string => limit?.toString() ?? '';
const limitOf = (text: string): number | null => (text === '' ? null : Number(text));
