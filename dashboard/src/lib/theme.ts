import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';

// The only thing kept in this browser.
const KEY = 'posthaste-theme';
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'system';
  } catch {
    return 'system';
  }
}
let theme = read();

function apply(): void {
  document.documentElement.classList.toggle('dark', isDark());
  for (const listener of listeners) listener();
}
dark.addEventListener('change', apply);

function isDark(): boolean {
  return theme === 'dark' || (theme === 'system' && dark.matches);
}

export function chooseTheme(chosen: Theme): void {
  theme = chosen;
  try {
    if (chosen === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, chosen);
  } catch {
    // It lasts as long as the page, then.
  }
  apply();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, () => theme);
}

/** For what draws by itself, such as charts. */
export function useIsDark(): boolean {
  return useSyncExternalStore(subscribe, isDark);
}
