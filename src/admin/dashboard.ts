import fastifyStatic from '@fastify/static';
import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Never a page of the dashboard: what is not found there is a problem, for programs to read. */
const OTHERS = /^\/(api|docs|docs-json|queues|metrics|health|oauth|demo|assets)(\/|$)/;

const NOT_BUILT = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Posthaste</title></head>
<body><p>Posthaste runs, but its dashboard has not been built: run <code>npm run build</code> and start it again.
The API's reference is at <a href="/docs">/docs</a>.</p></body></html>`;

/**
 * Serves the dashboard at `/`. Each of its pages is the same file: which one it shows, it sees by its address.
 * @param folder where it was built to; without it `/` says so
 */
export async function mountDashboard(app: NestFastifyApplication, folder: string): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  const page = readPage(folder);
  const sendPage = (reply: FastifyReply): FastifyReply =>
    reply
      .status(page === null ? 503 : 200)
      .header('content-type', 'text/html; charset=utf-8')
      // It names the files of its build: one that is kept would ask for those of another.
      .header('cache-control', 'no-cache')
      .send(page ?? NOT_BUILT);

  fastify.addHook('onRequest', (request, reply, done) => {
    if (!isPage(request)) return done();
    sendPage(reply);
  });
  if (page === null) {
    new Logger('Dashboard').warn('The dashboard has not been built: npm run build.');
    return;
  }
  await fastify.register(fastifyStatic, {
    root: folder,
    index: false,
    // Routes for what is there now, so that a file that isn't is not found like anything else.
    wildcard: false,
    cacheControl: false,
    setHeaders: (reply, path) => {
      // A file under another name is another file.
      const isHashed = path.startsWith(join(folder, 'assets'));
      void reply.header('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}

function readPage(folder: string): Buffer | null {
  try {
    return readFileSync(join(folder, 'index.html'));
  } catch {
    return null;
  }
}

/** What a browser opens, as opposed to what a program or a page asks for. */
function isPage({ is404, method, url, headers }: FastifyRequest): boolean {
  if (!is404 || (method !== 'GET' && method !== 'HEAD')) return false;
  const path = url.split('?', 1)[0] ?? '';
  if (path === '/') return true;
  return !OTHERS.test(path) && (headers.accept ?? '').includes('text/html');
}
