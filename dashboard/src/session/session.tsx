import { useQueryClient } from '@tanstack/react-query';
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { api, dataOf, setCredentials, whenSessionEnds, type Schemas } from '@/api/client';
import { Problem } from '@/api/problem';
import { takePortalToken, tenantOfPath } from './place';

export type SessionData = Schemas['SessionDto'];
export type Scope = SessionData['scopes'][number];

type State =
  | { status: 'starting' }
  | { status: 'signed-out'; reason: Problem | null }
  | { status: 'unreachable'; problem: Problem }
  | { status: 'signed-in'; session: SessionData };

interface SessionActions {
  state: State;
  /** @throws Problem */
  signIn: (key: string) => Promise<void>;
  signOut: () => Promise<void>;
  retry: () => void;
}

const SessionContext = createContext<SessionActions | null>(null);

const portalToken = takePortalToken();
// Two of them would be two sessions: development mounts everything twice.
let opening: Promise<State> | undefined;

async function open(): Promise<State> {
  try {
    const session =
      portalToken === null
        ? await dataOf(api.GET('/api/v1/session'))
        : await dataOf(api.POST('/api/v1/session', { headers: { Authorization: `Bearer ${portalToken}` } }));
    return signedIn(session);
  } catch (error) {
    const problem = Problem.from(error);
    if (problem.status === 401 || problem.status === 403) {
      return { status: 'signed-out', reason: portalToken === null ? null : problem };
    }
    return { status: 'unreachable', problem };
  }
}

function signedIn(session: SessionData): State {
  setCredentials({
    csrfToken: session.csrf_token,
    tenantId: session.kind === 'operator' ? tenantOfPath(window.location.pathname) : null,
  });
  return { status: 'signed-in', session };
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<State>({ status: 'starting' });
  const queries = useQueryClient();

  const retry = useCallback(() => {
    setState({ status: 'starting' });
    opening = open();
    void opening.then(setState);
  }, []);

  useEffect(() => {
    opening ??= open();
    void opening.then(setState);
    whenSessionEnds(() => {
      setCredentials({ csrfToken: null });
      setState((now) =>
        now.status === 'signed-in'
          ? { status: 'signed-out', reason: new Problem(401, 'session_ended', 'Your session has ended.') }
          : now,
      );
    });
  }, []);

  const signIn = useCallback(
    async (key: string) => {
      const session = await dataOf(api.POST('/api/v1/session', { headers: { 'X-API-Key': key } }));
      queries.clear();
      setState(signedIn(session));
    },
    [queries],
  );

  const signOut = useCallback(async () => {
    if (state.status !== 'signed-in') return;
    const header = { 'X-CSRF-Token': state.session.csrf_token };
    await dataOf(api.DELETE('/api/v1/session', { params: { header } }));
    setCredentials({ csrfToken: null, tenantId: null });
    queries.clear();
    setState({ status: 'signed-out', reason: null });
  }, [queries, state]);

  const value = useMemo(() => ({ state, signIn, signOut, retry }), [state, signIn, signOut, retry]);
  return <SessionContext value={value}>{children}</SessionContext>;
}

export function useSessionState(): SessionActions {
  const actions = use(SessionContext);
  if (actions === null) throw new Error('Outside of SessionProvider');
  return actions;
}

export interface CurrentSession {
  session: SessionData;
  isOperator: boolean;
  /** Whose data is shown; null while the operator has picked no tenant. */
  tenantId: string | null;
  can: (scope: Scope) => boolean;
}

/** For what is shown only to those who have signed in. */
export function useSession(): CurrentSession {
  const { state } = useSessionState();
  if (state.status !== 'signed-in') throw new Error('Nobody has signed in');
  const { session } = state;
  const isOperator = session.kind === 'operator';
  return {
    session,
    isOperator,
    tenantId: session.tenant?.id ?? tenantOfPath(window.location.pathname),
    can: (scope) => isOperator || session.scopes.includes(scope),
  };
}
