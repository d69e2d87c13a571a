import { useEndpoints } from '@/lib/use-endpoints';

/** An endpoint by where it is; by its id for those who may not read endpoints, or when it is gone. */
export function EndpointName({ id }: { id: string }) {
  const url = useEndpoints().get(id)?.url;
  if (url === undefined) return <span className="font-mono text-xs text-ink-faint">{id}</span>;
  const { host, pathname } = new URL(url);
  return (
    <span title={url} className="text-ink-soft">
      {host}
      <span className="text-ink-faint">{pathname}</span>
    </span>
  );
}
