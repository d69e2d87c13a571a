import { Field, Select } from '@/components/ui/field';

interface SecondsFieldProps {
  label: string;
  hint?: string;
  error: string | undefined;
  /** What they are called, by their number. */
  choices: Record<number, string>;
  value: number;
  onChange: (seconds: number) => void;
}

/** A span of time, of a few. */
export function SecondsField({ label, hint, error, choices, value, onChange }: SecondsFieldProps) {
  return (
    <Field label={label} hint={hint} error={error}>
      {(attributes) => (
        <Select {...attributes} value={value} onChange={({ target }) => onChange(Number(target.value))}>
          {Object.entries(choices).map(([seconds, text]) => (
            <option key={seconds} value={seconds}>
              {text}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}
