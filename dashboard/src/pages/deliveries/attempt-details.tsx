import type { Schemas } from '@/api/client';
import { CodeBlock, CopyButton } from '@/components/code-block';
import { curlOf } from '@/lib/curl';
import { prettyJson } from '@/lib/pretty';

type Attempt = Schemas['AttemptDto'];

/** What went out and what came back. */
export function AttemptDetails({ attempt: { request, response, status_code: status } }: { attempt: Attempt }) {
  return (
    <div className="grid gap-5 pt-3 xl:grid-cols-2">
      <section className="flex min-w-0 flex-col gap-2">
        <header className="flex items-center justify-between gap-2">
          <h4 className="font-medium">Request</h4>
          <CopyButton label="Copy as curl" text={() => curlOf(request)} />
        </header>
        <p className="font-mono text-xs text-ink-soft">POST {request.url}</p>
        <CodeBlock label="Headers sent" text={headersOf(request.headers)} />
        <CodeBlock label="Body sent" text={request.body === null ? '(no longer kept)' : prettyJson(request.body)} />
      </section>
      <section className="flex min-w-0 flex-col gap-2">
        <header className="flex min-h-8 items-center">
          <h4 className="font-medium">Response</h4>
        </header>
        {response.body === null ? (
          <p className="text-ink-faint">No answer came.</p>
        ) : (
          <>
            <p className="font-mono text-xs text-ink-soft">HTTP {status}</p>
            <CodeBlock label="Headers received" text={headersOf(response.headers)} />
            <CodeBlock label="Body received" text={response.body === '' ? '(empty)' : prettyJson(response.body)} />
            {response.truncated && <p className="text-xs text-ink-faint">The rest of it was not kept.</p>}
          </>
        )}
      </section>
    </div>
  );
}

function headersOf(headers: Record<string, string | string[]>): string {
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  );
  return lines.length === 0 ? '(none)' : lines.join('\n');
}
