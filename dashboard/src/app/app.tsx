import { useMemo } from 'react';
import { RouterProvider } from 'react-router';
import { ErrorState, Loading } from '@/components/ui/states';
import { useSession, useSessionState } from '@/session/session';
import { createRouter } from './router';
import { SignInPage } from './sign-in-page';

export function App() {
  const { state, retry } = useSessionState();
  switch (state.status) {
    case 'starting':
      return <Loading label="Starting" rows={0} />;
    case 'unreachable':
      return (
        <main className="grid min-h-dvh place-items-center">
          <ErrorState error={state.problem} onRetry={retry} />
        </main>
      );
    case 'signed-out':
      return <SignInPage reason={state.reason} />;
    case 'signed-in':
      return <SignedIn />;
  }
}

function SignedIn() {
  const current = useSession();
  // A router outlives all but another session.
  const router = useMemo(() => createRouter(current), [current.session]);
  return <RouterProvider router={router} />;
}
