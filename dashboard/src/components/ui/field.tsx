import { useId, type ComponentProps, type ReactNode } from 'react';
import { classNames } from '@/lib/class-names';

const CONTROL =
  'h-9 w-full min-w-0 rounded-lg border border-line-strong bg-surface px-3 text-ink placeholder:text-ink-faint ' +
  'disabled:opacity-50 aria-invalid:border-bad';

export function Input({ className, ...props }: ComponentProps<'input'>) {
  return <input className={classNames(CONTROL, className)} {...props} />;
}

export function Textarea({ className, ...props }: ComponentProps<'textarea'>) {
  return <textarea className={classNames(CONTROL, 'h-auto py-2', className)} {...props} />;
}

export function Select({ className, ...props }: ComponentProps<'select'>) {
  return <select className={classNames(CONTROL, 'pr-2', className)} {...props} />;
}

/** On or off, with its label behind it. */
export function Checkbox({ label, className, ...props }: ComponentProps<'input'> & { label: ReactNode }) {
  return (
    <label className={classNames('flex items-start gap-2.5', className)}>
      <input type="checkbox" className="mt-0.5 size-4 shrink-0 accent-accent" {...props} />
      <span className="min-w-0">{label}</span>
    </label>
  );
}

interface FieldProps {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  className?: string;
  /** The control, with the attributes that tie it to label, hint and error. */
  children: (attributes: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode;
}

export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  const told = error ?? hint;
  return (
    <div className={classNames('flex min-w-0 flex-col gap-1', className)}>
      <label htmlFor={id} className="text-[0.8125rem] font-medium text-ink-soft">
        {label}
      </label>
      {children({
        id,
        ...(told === undefined ? {} : { 'aria-describedby': `${id}-told` }),
        ...(error === undefined ? {} : { 'aria-invalid': true }),
      })}
      {told !== undefined && (
        <p id={`${id}-told`} className={classNames('text-xs', error === undefined ? 'text-ink-faint' : 'text-bad')}>
          {told}
        </p>
      )}
    </div>
  );
}
