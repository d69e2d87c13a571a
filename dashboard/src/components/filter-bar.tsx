import { ListFilter, X } from 'lucide-react';
import { useEffect, useId, useState, type ReactNode } from 'react';
import { classNames } from '@/lib/class-names';
import { useEndpoints } from '@/lib/use-endpoints';
import { Button } from './ui/button';
import { Field, Input, Select } from './ui/field';

const TYPING_MS = 400;

interface FilterBarProps {
  isFiltered: boolean;
  onClear: () => void;
  children: ReactNode;
}

export function FilterBar({ isFiltered, onClear, children }: FilterBarProps) {
  // On a phone the list comes first.
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  return (
    <search className="border-b border-line px-4 py-3 sm:px-5 sm:py-4">
      <Button
        kind="quiet"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
        className="-ml-2 sm:hidden"
      >
        <ListFilter /> {isFiltered ? 'Filters, some set' : 'Filters'}
      </Button>
      <div
        id={id}
        className={classNames(
          'grid-cols-1 items-end gap-3 sm:grid sm:grid-cols-[repeat(auto-fill,minmax(10.25rem,1fr))]',
          isOpen ? 'grid pt-2 sm:pt-0' : 'hidden',
        )}
      >
        {children}
        {isFiltered && (
          <Button kind="quiet" onClick={onClear} className="justify-self-start">
            <X /> Clear
          </Button>
        )}
      </div>
    </search>
  );
}

interface FilterProps {
  label: string;
  value: string | undefined;
  onChange: (value: string) => void;
  className?: string;
}

/** Takes effect when the typing pauses, or at once with Enter. */
export function TextFilter({ label, value, onChange, className, placeholder }: FilterProps & { placeholder?: string }) {
  const given = value ?? '';
  const [text, setText] = useState(given);
  useEffect(() => setText(given), [given]);
  useEffect(() => {
    if (text.trim() === given) return;
    const timer = setTimeout(() => onChange(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, given, onChange]);
  return (
    <Field label={label} className={className ?? ''}>
      {(attributes) => (
        <Input
          {...attributes}
          type="search"
          spellCheck={false}
          placeholder={placeholder}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') onChange(text.trim());
          }}
        />
      )}
    </Field>
  );
}

export function SelectFilter({
  label,
  value,
  onChange,
  className,
  options,
}: FilterProps & { options: Record<string, string> }) {
  return (
    <Field label={label} className={className ?? ''}>
      {(attributes) => (
        <Select {...attributes} value={value ?? ''} onChange={(event) => onChange(event.target.value)}>
          <option value="">All</option>
          {Object.entries(options).map(([option, text]) => (
            <option key={option} value={option}>
              {text}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

/** A bound in time, in the reader's zone; in the URL it is UTC. */
function TimeFilter({ label, value, onChange, className }: FilterProps) {
  return (
    <Field label={label} className={className ?? ''}>
      {(attributes) => (
        <Input
          {...attributes}
          type="datetime-local"
          className="px-2 text-[0.8125rem]"
          value={value === undefined ? '' : toLocal(value)}
          onChange={({ target }) => onChange(target.value === '' ? '' : new Date(target.value).toISOString())}
        />
      )}
    </Field>
  );
}

interface SharedFilterProps<Name extends string> {
  values: Readonly<Partial<Record<Name, string>>>;
  set: (name: Name, value: string) => void;
}

/** The range in time that a list shows. */
export function TimeRangeFilters({ values, set }: SharedFilterProps<'after' | 'before'>) {
  return (
    <>
      <TimeFilter label="From" value={values.after} onChange={(value) => set('after', value)} />
      <TimeFilter label="Until" value={values.before} onChange={(value) => set('before', value)} />
    </>
  );
}

/** By one of the tenant's endpoints; nothing for who may not read them. */
export function EndpointFilter({ values, set }: SharedFilterProps<'endpoint_id'>) {
  const endpoints = useEndpoints();
  if (endpoints.size === 0) return null;
  return (
    <SelectFilter
      label="Endpoint"
      value={values.endpoint_id}
      onChange={(value) => set('endpoint_id', value)}
      options={Object.fromEntries([...endpoints.values()].map(({ id, url }) => [id, url]))}
    />
  );
}

function toLocal(utc: string): string {
  const date = new Date(utc);
  if (Number.isNaN(date.getTime())) return '';
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
