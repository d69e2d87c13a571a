import { Controller, Headers, HttpCode, Param, Post, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { setTimeout as delay } from 'node:timers/promises';
import { Public } from '../api-keys/auth.decorators.js';
import { notFound } from '../common/domain-error.js';
import { Config } from '../config/config.js';

const SLOW_MS = 1_500;
/** What a receiver answers is shown, and must be seen to be text. */
const FAILURE = '<h1>Internal error</h1><script>document.title = "run"</script>';

/** Where the demo's endpoints are; open only in the embedded start. It keeps nothing of what it gets. */
@ApiExcludeController()
@Controller('demo/receiver')
export class DemoReceiverController {
  constructor(private readonly config: Config) {}

  @Post(':kind')
  @Public()
  @HttpCode(200)
  async receive(
    @Param('kind') kind: string,
    @Headers('webhook-attempt') attempt: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    if (!this.config.serveDemo) throw notFound('route');
    void reply.header('content-type', 'text/plain; charset=utf-8');
    switch (kind) {
      case 'good':
        return 'Thank you.';
      case 'slow':
        await delay(SLOW_MS);
        return 'Thank you, at last.';
      case 'flaky':
        // Two times in three it takes more than one attempt, and it never takes more than three.
        if (Number(attempt) <= Math.floor(Math.random() * 3)) void reply.status(503);
        return reply.statusCode === 503 ? 'Too busy just now.' : 'Thank you.';
      case 'failing':
        void reply.status(500);
        return FAILURE;
      default:
        throw notFound('receiver');
    }
  }
}
