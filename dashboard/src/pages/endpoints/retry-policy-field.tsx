import { useState } from 'react';
import { Field, Input, Select } from '@/components/ui/field';
import { PRESETS, waitsOf, type ChosenPolicy } from '@/lib/retry-schedule';
import { SchedulePicture } from './schedule-picture';
import { parseList } from './form-text';

interface RetryPolicyFieldProps {
  /** Null: one that can't be shown here. */
  policy: ChosenPolicy | null;
  onChange: (policy: ChosenPolicy | null) => void;
  error: string | undefined;
}

export function RetryPolicyField({ policy, onChange, error }: RetryPolicyFieldProps) {
  const [text, setText] = useState(policy?.kind === 'schedule' ? policy.waits.join(', ') : '0, 10, 60, 600');
  const choice = policy === null ? 'other' : policy.kind === 'preset' ? policy.preset : policy.kind;
  const scheduleOf = (typed: string): ChosenPolicy => ({ kind: 'schedule', waits: parseList(typed).map(Number) });

  function choose(chosen: string): void {
    if (chosen === 'inherited') onChange({ kind: 'inherited' });
    else if (chosen === 'schedule') onChange(scheduleOf(text));
    else if (chosen in PRESETS) onChange({ kind: 'preset', preset: chosen as keyof typeof PRESETS });
  }

  const waits = policy === null ? null : waitsOf(policy);
  return (
    <div className="flex flex-col gap-3">
      <Field label="Retries" error={error}>
        {(attributes) => (
          <Select {...attributes} value={choice} onChange={({ target }) => choose(target.value)}>
            <option value="inherited">As the tenant has them</option>
            <option value="quick">Quick: 7 attempts within about a minute</option>
            <option value="standard">Standard: 5 attempts within half a minute</option>
            <option value="long">Long: 10 attempts within four days</option>
            <option value="schedule">A schedule of its own</option>
            {policy === null && <option value="other">As set by the API</option>}
          </Select>
        )}
      </Field>
      {policy?.kind === 'schedule' && (
        <Field label="Seconds before each attempt" hint="With commas between; the first may be 0.">
          {(attributes) => (
            <Input
              {...attributes}
              value={text}
              onChange={({ target }) => {
                setText(target.value);
                onChange(scheduleOf(target.value));
              }}
            />
          )}
        </Field>
      )}
      {waits !== null && waits.length > 0 && waits.every((wait) => wait >= 0) && <SchedulePicture waits={waits} />}
    </div>
  );
}
