import type { FastifyInstance } from 'fastify';
import helmet, { type HelmetOptions } from 'helmet';
import type { IncomingMessage, ServerResponse } from 'node:http';

type Headers = Readonly<Record<string, string>>;

const OPTIONS: HelmetOptions = {
  frameguard: { action: 'deny' },
  referrerPolicy: { policy: 'no-referrer' },
  // Of no use to any browser of the last years, or said by the policy already.
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
  // Only over TLS, below.
  strictTransportSecurity: false,
};

/** For answers to programs: if a browser shows one, nothing in it runs or loads, and no page frames it. */
export const apiSecurityHeaders: Headers = {
  ...headersOf({
    ...OPTIONS,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] },
    },
  }),
  // Answers hold secrets and payloads, which no cache on the way is to keep.
  'cache-control': 'no-store',
};

/** For the pages: scripts only from files of ours. Swagger UI and the queue's board style their elements in place. */
const pageSecurityHeaders: Headers = headersOf({
  ...OPTIONS,
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      frameAncestors: ["'none'"],
      baseUri: ["'self'"],
      formAction: ["'self'"],
    },
  },
});

const TWO_YEARS_SECONDS = 63_072_000;

/** Puts security headers on every answer: on a page those of a page, on anything else those of the API. */
export function sendSecurityHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const type = reply.getHeader('content-type');
    const isPage = typeof type === 'string' && type.startsWith('text/html');
    const caching = reply.getHeader('cache-control');
    void reply.headers(isPage ? pageSecurityHeaders : apiSecurityHeaders);
    // Files of the pages say themselves how long they keep.
    if (caching !== undefined) void reply.header('cache-control', caching);
    else if (isPage) void reply.header('cache-control', 'no-store');
    // Over plain HTTP browsers ignore it, and a proxy's certificate is the proxy's to speak for.
    if (request.protocol === 'https') {
      void reply.header('strict-transport-security', `max-age=${TWO_YEARS_SECONDS}`);
    }
    done();
  });
}

/** Helmet builds its headers anew for each request, which costs about 16 µs; ours never change. */
function headersOf(options: HelmetOptions): Headers {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value),
    removeHeader: () => undefined,
  };
  helmet(options)({} as IncomingMessage, response as unknown as ServerResponse, () => undefined);
  return headers;
}
