import type { ReactNode } from 'react';
import { Problem } from '@/api/problem';
import { Button, type ButtonProps } from './ui/button';

interface FormProps {
  /** What sending it does. */
  mutation: { isPending: boolean; error: Error | null; mutate: () => void };
  /** On its button. */
  submit: ReactNode;
  kind?: ButtonProps['kind'];
  disabled?: boolean;
  /** Beside the button. */
  aside?: ReactNode;
  children?: ReactNode;
}

/** Fields, what was wrong with them, and the button that sends them. */
export function Form({ mutation, submit, kind = 'primary', disabled = false, aside, children }: FormProps) {
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        mutation.mutate();
      }}
    >
      {children}
      {mutation.error !== null && (
        <p role="alert" className="text-bad">
          {Problem.from(mutation.error).message}
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        <Button kind={kind} type="submit" disabled={disabled || mutation.isPending}>
          {submit}
        </Button>
        {aside}
      </div>
    </form>
  );
}

/** Of a field of a form that was refused. */
export function errorAt({ error }: { error: Error | null }, field: string): string | undefined {
  return error === null ? undefined : Problem.from(error).errorAt(field);
}
