import { LogOut, Menu as MenuIcon, Monitor, Moon, Settings, Sun, Users, type LucideIcon } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { useEffect, useState, type ReactNode } from 'react';
import { NavLink, Outlet, ScrollRestoration, useLocation, useNavigation } from 'react-router';
import { Logo } from '@/components/logo';
import { Button } from '@/components/ui/button';
import { Menu, MenuItem, MenuLabel } from '@/components/ui/menu';
import { useToasts } from '@/components/ui/toasts';
import { classNames } from '@/lib/class-names';
import { chooseTheme, useTheme } from '@/lib/theme';
import { useSession, useSessionState } from '@/session/session';
import { OPERATOR_PAGES, TENANT_PAGES } from './pages';
import { TenantName } from './tenant-name';

export function Layout() {
  const { pathname } = useLocation();
  const { state } = useNavigation();
  const [menuOpen, setMenuOpen] = useState(false);
  useEffect(() => setMenuOpen(false), [pathname]);
  return (
    <div className="min-h-dvh lg:grid lg:grid-cols-[15rem_minmax(0,1fr)]">
      <a
        href="#content"
        className="sr-only z-50 rounded-lg bg-accent px-4 py-2 text-accent-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to the contents
      </a>
      <aside className="sticky top-0 hidden h-dvh flex-col border-r border-line bg-surface lg:flex">
        <Logo className="px-5 pt-5 pb-4 text-base" />
        <Navigation />
      </aside>
      <header className="sticky top-0 z-30 flex items-center justify-between border-b border-line bg-surface px-4 py-2.5 lg:hidden">
        <Logo />
        <Radix.Root open={menuOpen} onOpenChange={setMenuOpen}>
          <Radix.Trigger asChild>
            <Button kind="quiet" size="icon" aria-label="Menu">
              <MenuIcon />
            </Button>
          </Radix.Trigger>
          <Radix.Portal>
            <Radix.Overlay className="fixed inset-0 z-40 bg-black/50" />
            <Radix.Content
              aria-describedby={undefined}
              className="fixed inset-y-0 left-0 z-50 flex w-72 max-w-[85%] flex-col border-r border-line bg-surface shadow-xl"
            >
              <Radix.Title className="px-5 pt-5 pb-4 text-base">
                <Logo />
              </Radix.Title>
              <Navigation />
            </Radix.Content>
          </Radix.Portal>
        </Radix.Root>
      </header>
      <main id="content" tabIndex={-1} aria-busy={state === 'loading'} className="min-w-0 outline-none">
        <Outlet />
      </main>
      <ScrollRestoration />
    </div>
  );
}

function Navigation() {
  const { can, isOperator, tenantId } = useSession();
  const pages = tenantId === null ? OPERATOR_PAGES : TENANT_PAGES.filter(({ scope }) => can(scope));
  return (
    <>
      <nav aria-label="Pages" className="flex grow flex-col gap-0.5 overflow-y-auto px-3">
        {pages.map(({ path, label, icon: Icon }) => (
          <NavLink
            key={path}
            to={path}
            className={({ isActive }) =>
              classNames(
                'flex items-center gap-3 rounded-lg px-2.5 py-2 font-medium transition-colors',
                isActive ? 'bg-accent-soft text-accent' : 'text-ink-soft hover:bg-sunken hover:text-ink',
              )
            }
          >
            <Icon aria-hidden className="size-4" />
            {label}
          </NavLink>
        ))}
      </nav>
      <div className="flex flex-col gap-1 border-t border-line p-3">
        {isOperator && tenantId !== null && (
          // Another tenant's pages are another place: the page starts anew, and nothing of this one is left.
          <>
            <OutLink href={`/tenants/${tenantId}`} icon={Settings}>
              This tenant's settings
            </OutLink>
            <OutLink href="/tenants" icon={Users}>
              All tenants
            </OutLink>
          </>
        )}
        <div className="flex items-center justify-between gap-2 pl-2.5">
          <span className="min-w-0 truncate text-[0.8125rem] text-ink-soft">
            <TenantName />
          </span>
          <AccountMenu />
        </div>
      </div>
    </>
  );
}

function OutLink({ href, icon: Icon, children }: { href: string; icon: LucideIcon; children: ReactNode }) {
  return (
    <a
      href={href}
      className="flex items-center gap-3 rounded-lg px-2.5 py-2 font-medium text-ink-soft hover:bg-sunken hover:text-ink"
    >
      <Icon aria-hidden className="size-4" />
      {children}
    </a>
  );
}

function AccountMenu() {
  const { signOut } = useSessionState();
  const { tellProblem } = useToasts();
  const theme = useTheme();
  const ThemeIcon = { system: Monitor, light: Sun, dark: Moon }[theme];
  return (
    <span className="flex shrink-0">
      <Menu
        trigger={
          <Button kind="quiet" size="icon" aria-label={`Colours: ${theme}`}>
            <ThemeIcon />
          </Button>
        }
      >
        <MenuLabel>Colours</MenuLabel>
        <MenuItem onSelect={() => chooseTheme('system')}>
          <Monitor /> As the system
        </MenuItem>
        <MenuItem onSelect={() => chooseTheme('light')}>
          <Sun /> Light
        </MenuItem>
        <MenuItem onSelect={() => chooseTheme('dark')}>
          <Moon /> Dark
        </MenuItem>
      </Menu>
      <Button
        kind="quiet"
        size="icon"
        aria-label="Sign out"
        onClick={() => void signOut().catch((error: unknown) => tellProblem(error))}
      >
        <LogOut />
      </Button>
    </span>
  );
}
