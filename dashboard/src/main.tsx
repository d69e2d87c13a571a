import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Problem } from '@/api/problem';
import { App } from '@/app/app';
import { ToastsProvider } from '@/components/ui/toasts';
import { TooltipProvider } from '@/components/ui/tooltip';
import { SessionProvider } from '@/session/session';
import './styles.css';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      // What the API refuses it refuses again.
      retry: (failures, error) => failures < 2 && !isRefusal(error),
    },
  },
});

const isRefusal = (error: Error): boolean => error instanceof Problem && error.status >= 400 && error.status < 500;

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <TooltipProvider delayDuration={300}>
        <ToastsProvider>
          <SessionProvider>
            <App />
          </SessionProvider>
        </ToastsProvider>
      </TooltipProvider>
    </QueryClientProvider>
  </StrictMode>,
);
