import {
  Activity,
  Inbox,
  KeyRound,
  LayoutDashboard,
  MailX,
  ScrollText,
  Send,
  Server,
  Users,
  Webhook,
  type LucideIcon,
} from 'lucide-react';
import type { RouteObject } from 'react-router';
import type { Scope } from '@/session/session';

interface NavigationEntry {
  path: string;
  label: string;
  icon: LucideIcon;
}

interface TenantEntry extends NavigationEntry {
  /** Shown to those who have it. */
  scope: Scope;
}

/** A tenant's pages, in the order in which they are shown. */
export const TENANT_PAGES: TenantEntry[] = [
  { path: '/overview', label: 'Overview', icon: LayoutDashboard, scope: 'deliveries:read' },
  { path: '/live', label: 'Live feed', icon: Activity, scope: 'deliveries:read' },
  { path: '/events', label: 'Events', icon: Inbox, scope: 'events:read' },
  { path: '/deliveries', label: 'Deliveries', icon: Send, scope: 'deliveries:read' },
  { path: '/endpoints', label: 'Endpoints', icon: Webhook, scope: 'endpoints:read' },
  { path: '/dead-letters', label: 'Dead letters', icon: MailX, scope: 'deliveries:read' },
  { path: '/api-keys', label: 'API keys', icon: KeyRound, scope: 'keys:write' },
  { path: '/audit-log', label: 'Audit log', icon: ScrollText, scope: 'keys:write' },
];

/** Each page is a file of its own, loaded when it is opened. It exports `Component`. */
export const TENANT_ROUTES: RouteObject[] = [
  { path: 'overview', lazy: () => import('@/pages/overview/overview-page') },
  { path: 'live', lazy: () => import('@/pages/live/live-page') },
  { path: 'events', lazy: () => import('@/pages/events/events-page') },
  { path: 'events/:id', lazy: () => import('@/pages/events/event-page') },
  { path: 'deliveries', lazy: () => import('@/pages/deliveries/deliveries-page') },
  { path: 'deliveries/:id', lazy: () => import('@/pages/deliveries/delivery-page') },
  { path: 'endpoints', lazy: () => import('@/pages/endpoints/endpoints-page') },
  { path: 'endpoints/:id', lazy: () => import('@/pages/endpoints/endpoint-page') },
  { path: 'dead-letters', lazy: () => import('@/pages/dead-letters/dead-letters-page') },
];

const AUDIT_LOG: RouteObject = { path: 'audit-log', lazy: () => import('@/pages/audit-log/audit-log-page') };

/** A tenant's pages for those who may give out keys; to others there are no such pages. */
export const ACCESS_ROUTES: RouteObject[] = [
  { path: 'api-keys', lazy: () => import('@/pages/api-keys/api-keys-page') },
  AUDIT_LOG,
];

/** The operator's own, of no tenant. */
export const OPERATOR_PAGES: NavigationEntry[] = [
  { path: '/tenants', label: 'Tenants', icon: Users },
  { path: '/system', label: 'System', icon: Server },
  { path: '/audit-log', label: 'Audit log', icon: ScrollText },
];

export const OPERATOR_ROUTES: RouteObject[] = [
  { path: 'tenants', lazy: () => import('@/pages/tenants/tenants-page') },
  { path: 'tenants/:id', lazy: () => import('@/pages/tenants/tenant-page') },
  { path: 'system', lazy: () => import('@/pages/operator/system-page') },
  AUDIT_LOG,
];
