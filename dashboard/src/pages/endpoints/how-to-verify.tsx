import { useQuery } from '@tanstack/react-query';
import { Tabs } from 'radix-ui';
import { useState } from 'react';
import { api, dataOf, type Schemas } from '@/api/client';
import { CodeBlock, CopyButton } from '@/components/code-block';
import { Button } from '@/components/ui/button';
import { Card, CardHeader } from '@/components/ui/card';
import { useToasts } from '@/components/ui/toasts';
import { useSession } from '@/session/session';
import { SNIPPETS } from './snippets/snippets';

const TAB =
  'rounded-md px-2.5 py-1 font-medium text-ink-soft hover:text-ink data-[state=active]:bg-accent-soft data-[state=active]:text-accent';
const A_DAY = 86_400;

/** What differs between the schemes. */
const SCHEMES = {
  standard: {
    key: 'secret',
    placeholder: 'whsec_…',
    hint: 'Before anything else: is it from here, and is it fresh?',
  },
  'standard-ed25519': {
    key: 'public key',
    placeholder: 'whpk_…',
    hint: 'Before anything else: is it from here, and is it fresh? Who has the public key can tell, and can sign nothing.',
  },
  sha256: {
    key: 'secret',
    placeholder: 'whsec_…',
    hint: 'Before anything else: is it from here? This scheme does not sign the time; repetitions have the same webhook-id.',
  },
} as const;

/** What a receiver does with what comes from here, with this endpoint's own key where its reader may see that. */
export function HowToVerify({ endpoint }: { endpoint: Schemas['EndpointDto'] }) {
  const { can } = useSession();
  const { tell, tellProblem } = useToasts();
  const [shown, setShown] = useState(false);
  const params = { path: { id: endpoint.id } };
  const scheme = SCHEMES[endpoint.signature];
  const { data, refetch } = useQuery({
    // Another scheme has another key.
    queryKey: ['endpoint', endpoint.id, 'secret', endpoint.signature],
    enabled: shown,
    // Not longer than it is looked at.
    gcTime: 0,
    queryFn: () => dataOf(api.GET('/api/v1/endpoints/{id}/secret', { params })),
  });
  const shownKey = shown ? (endpoint.signature === 'standard-ed25519' ? data?.public_key : data?.secret) : undefined;
  const key = shownKey ?? scheme.placeholder;

  async function rotate(): Promise<void> {
    try {
      await dataOf(api.POST('/api/v1/endpoints/{id}/secret/rotate', { params, body: { overlap_seconds: A_DAY } }));
      tell('There is a new secret. For a day both sign, so that receivers have time to change.');
      if (shown) await refetch();
    } catch (error) {
      tellProblem(error);
    }
  }

  return (
    <Card>
      <CardHeader title="How to verify" hint={scheme.hint}>
        {can('endpoints:write') && (
          <div className="flex flex-wrap gap-2">
            <Button size="small" onClick={() => setShown(!shown)}>
              {shown ? 'Hide' : 'Show'} the {scheme.key}
            </Button>
            <Button size="small" onClick={() => void rotate()}>
              Rotate the secret
            </Button>
          </div>
        )}
      </CardHeader>
      <Tabs.Root defaultValue="Node.js" className="flex flex-col gap-3 px-4 py-4 sm:px-5">
        <Tabs.List aria-label="Language" className="flex flex-wrap gap-1">
          {SNIPPETS[endpoint.signature].map(({ language }) => (
            <Tabs.Trigger key={language} value={language} className={TAB}>
              {language}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {SNIPPETS[endpoint.signature].map(({ language, render }) => (
          <Tabs.Content key={language} value={language} className="flex flex-col items-start gap-3">
            <CodeBlock label={`How to verify in ${language}`} text={render(key)} />
            <CopyButton label="Copy" text={() => render(key)} />
          </Tabs.Content>
        ))}
      </Tabs.Root>
    </Card>
  );
}
