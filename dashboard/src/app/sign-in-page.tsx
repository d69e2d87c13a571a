import { KeyRound } from 'lucide-react';
import { useEffect, useState, type FormEvent } from 'react';
import { Problem } from '@/api/problem';
import { Logo } from '@/components/logo';
import { Button } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { useSessionState } from '@/session/session';

export function SignInPage({ reason }: { reason: Problem | null }) {
  const { signIn } = useSessionState();
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  useEffect(() => {
    document.title = 'Sign in · Posthaste';
  }, []);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(key.trim());
    } catch (error) {
      setProblem(Problem.from(error));
      setBusy(false);
    }
  };

  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="w-full max-w-sm">
        <Logo className="mb-6 justify-center text-lg" />
        <form
          onSubmit={(event) => void submit(event)}
          className="flex flex-col gap-4 rounded-xl border border-line bg-surface p-6 shadow-sm"
        >
          <div>
            <h1 className="text-base font-semibold">Sign in</h1>
            <p className="mt-1 text-ink-faint">With an API key of your tenant, or with the operator's key.</p>
          </div>
          {reason !== null && problem === null && (
            <p role="status" className="rounded-lg bg-warn-soft px-3 py-2 text-warn">
              {toldOf(reason)}
            </p>
          )}
          <Field label="Key" error={problem === null ? undefined : errorOf(problem)}>
            {(attributes) => (
              <Input
                {...attributes}
                type="password"
                name="key"
                autoComplete="current-password"
                autoFocus
                required
                spellCheck={false}
                className="font-mono"
                placeholder="ph_…"
                value={key}
                onChange={(event) => setKey(event.target.value)}
              />
            )}
          </Field>
          <Button kind="primary" type="submit" disabled={busy || key.trim() === ''}>
            <KeyRound /> {busy ? 'Signing in…' : 'Sign in'}
          </Button>
        </form>
        <p className="mt-4 text-center text-[0.8125rem] text-ink-faint">
          The key isn't kept in this browser. The API's reference is at{' '}
          <a href="/docs" className="text-accent underline underline-offset-2">
            /docs
          </a>
          .
        </p>
      </div>
    </main>
  );
}

function toldOf({ code, message }: Problem): string {
  return code === 'session_ended' ? message : 'This link has expired or was withdrawn. Ask for a new one.';
}

function errorOf({ status, message }: Problem): string {
  return status === 401 ? "Posthaste doesn't know this key." : message;
}
