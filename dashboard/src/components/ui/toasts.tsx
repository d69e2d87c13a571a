import { Toast } from 'radix-ui';
import { X } from 'lucide-react';
import { createContext, use, useCallback, useState, type ReactNode } from 'react';
import { Problem } from '@/api/problem';
import { classNames } from '@/lib/class-names';

interface Told {
  id: number;
  tone: 'good' | 'bad';
  text: string;
}

interface Toasts {
  tell: (text: string) => void;
  tellProblem: (error: unknown) => void;
}

const ToastsContext = createContext<Toasts | null>(null);
let lastId = 0;

export function ToastsProvider({ children }: { children: ReactNode }) {
  const [told, setTold] = useState<Told[]>([]);
  const add = useCallback((tone: Told['tone'], text: string) => {
    setTold((now) => [...now.slice(-3), { id: ++lastId, tone, text }]);
  }, []);
  const [toasts] = useState<Toasts>(() => ({
    tell: (text) => add('good', text),
    tellProblem: (error) => add('bad', Problem.from(error).message),
  }));
  return (
    <ToastsContext value={toasts}>
      <Toast.Provider duration={5_000}>
        {children}
        {told.map(({ id, tone, text }) => (
          <Toast.Root
            key={id}
            type={tone === 'bad' ? 'foreground' : 'background'}
            onOpenChange={(open) => {
              if (!open) setTold((now) => now.filter((toast) => toast.id !== id));
            }}
            className={classNames(
              'flex items-start gap-3 rounded-lg border border-l-4 border-line bg-raised px-4 py-3 shadow-lg',
              tone === 'good' ? 'border-l-good-mark' : 'border-l-bad-mark',
            )}
          >
            <Toast.Description className="grow">{text}</Toast.Description>
            <Toast.Close aria-label="Dismiss" className="rounded p-0.5 text-ink-faint hover:text-ink">
              <X className="size-4" />
            </Toast.Close>
          </Toast.Root>
        ))}
        <Toast.Viewport className="fixed right-0 bottom-0 z-50 flex w-96 max-w-full flex-col gap-2 p-4" />
      </Toast.Provider>
    </ToastsContext>
  );
}

export function useToasts(): Toasts {
  const toasts = use(ToastsContext);
  if (toasts === null) throw new Error('Outside of ToastsProvider');
  return toasts;
}
