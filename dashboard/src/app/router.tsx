import { createBrowserRouter, Navigate, Outlet, useRouteError, type RouteObject } from 'react-router';
import { Compass } from 'lucide-react';
import { EmptyState, ErrorState, Loading } from '@/components/ui/states';
import { basenameOf } from '@/session/place';
import type { CurrentSession } from '@/session/session';
import { Layout } from './layout';
import { ACCESS_ROUTES, OPERATOR_ROUTES, TENANT_PAGES, TENANT_ROUTES } from './pages';

function PageError() {
  return <ErrorState error={useRouteError()} onRetry={() => window.location.reload()} />;
}

function NoSuchPage() {
  return <EmptyState icon={Compass} title="There is no such page" />;
}

/** Routes of whoever has signed in: a tenant's, or the operator's own while no tenant is picked. */
export function createRouter({ isOperator, tenantId, can }: CurrentSession) {
  const ofTenant = tenantId !== null;
  const first = ofTenant ? (TENANT_PAGES.find(({ scope }) => can(scope))?.path ?? '/nothing') : '/tenants';
  const tenantRoutes = [...TENANT_ROUTES, ...(can('keys:write') ? ACCESS_ROUTES : [])];
  const pages: RouteObject[] = [
    { index: true, element: <Navigate to={first} replace /> },
    ...(ofTenant ? tenantRoutes : isOperator ? OPERATOR_ROUTES : []),
    { path: '*', element: <NoSuchPage /> },
  ];
  return createBrowserRouter(
    [
      {
        element: <Layout />,
        hydrateFallbackElement: <Loading />,
        children: [{ element: <Outlet />, errorElement: <PageError />, children: pages }],
      },
    ],
    { basename: isOperator ? basenameOf(tenantId) : '/' },
  );
}
