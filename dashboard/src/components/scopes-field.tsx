import { useId } from 'react';
import { Checkbox } from '@/components/ui/field';
import { SCOPES } from '@/lib/scopes';
import type { Scope } from '@/session/session';

interface ScopesFieldProps<Offered extends Scope> {
  /** What can be given: nobody gives what it doesn't have. */
  offered: readonly Offered[];
  chosen: readonly Offered[];
  onChange: (chosen: Offered[]) => void;
  error: string | undefined;
}

export function ScopesField<Offered extends Scope>({ offered, chosen, onChange, error }: ScopesFieldProps<Offered>) {
  const id = useId();
  return (
    <fieldset aria-describedby={error === undefined ? undefined : id}>
      <legend className="mb-2 text-[0.8125rem] font-medium text-ink-soft">What it may do</legend>
      <div className="flex flex-col gap-2">
        {offered.map((scope) => (
          <Checkbox
            key={scope}
            checked={chosen.includes(scope)}
            // Kept in the order in which they are offered.
            onChange={({ target }) =>
              onChange(offered.filter((other) => (other === scope ? target.checked : chosen.includes(other))))
            }
            label={
              <>
                {SCOPES[scope]} <code className="font-mono text-xs text-ink-faint">{scope}</code>
              </>
            }
          />
        ))}
      </div>
      {error !== undefined && (
        <p id={id} className="mt-1 text-xs text-bad">
          {error}
        </p>
      )}
    </fieldset>
  );
}
