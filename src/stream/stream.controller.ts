import { Controller, Get, Headers, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequireScope, TenantId } from '../api-keys/auth.decorators.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { AttemptStreams } from './attempt-streams.service.js';
import { StandingAccess } from './standing-access.js';
import { StreamedAttemptDto, StreamSampleDto } from './streamed-attempt.dto.js';

const EXAMPLE = [
  'retry: 2000',
  '',
  'id: 019aa5c2-7d7e-7cc4-9a3d-0f6a8c1f2b44',
  'event: attempt',
  'data: {"id":"019aa5c2-7d7e-7cc4-9a3d-0f6a8c1f2b44","delivery_id":"019aa5c2-7d11-7d0e-b4a6-5f6c7d8e9f00",' +
    '"event_id":"019aa5c2-7d10-7a11-8c55-3d2e1f0a9b88","event_type":"order.created",' +
    '"endpoint_id":"019aa5bf-1f2e-7b3c-9d4e-5f6a7b8c9d0e","attempt":2,"outcome":"failed","status_code":500,' +
    '"error":"HTTP 500","duration_ms":41,"at":"2025-11-21T09:30:00.000Z","delivery_status":"pending"}',
  '',
  '',
].join('\n');

/** OpenAPI 3.1 has no words for what the events of a stream hold. */
const DATA_OF_EVENTS = {
  'x-events': {
    attempt: { $ref: getSchemaPath(StreamedAttemptDto) },
    sample: { $ref: getSchemaPath(StreamSampleDto) },
  },
};

@ApiTags('Deliveries')
@ApiExtraModels(StreamedAttemptDto, StreamSampleDto)
@Controller('stream')
export class StreamController {
  constructor(
    private readonly streams: AttemptStreams,
    private readonly access: StandingAccess,
  ) {}

  @Get()
  @RequireScope('deliveries:read')
  @ApiOperation({
    operationId: 'streamAttempts',
    summary: 'Attempts as they are recorded (server-sent events)',
    description:
      'Events: `attempt` (`StreamedAttemptDto`), one attempt with what became of its delivery; `sample` ' +
      '(`StreamSampleDto`), how many more there were, as 50 a second of a tenant are told; `gap`, attempts before this were missed, read them ' +
      'from the lists; `end` `{reason}`. For the eye: what has to be complete is in the lists.',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'The last attempt seen; sent by browsers.' })
  @ApiOkResponse({
    description: 'Goes on until one side ends it, or the key or session ends.',
    content: { 'text/event-stream': { schema: { type: 'string' }, example: EXAMPLE, ...DATA_OF_EVENTS } },
  })
  @ApiProblems('rate_limited')
  read(
    @TenantId() tenantId: string,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): void {
    const stream = this.streams.openStream({
      tenantId,
      lastEventId: lastEventId ?? null,
      mayStillRead: () => this.access.holds(request, tenantId, 'deliveries:read'),
    });
    void reply
      .headers({
        'content-type': 'text/event-stream',
        // A proxy that gathers answers before it passes them on would hold everything back.
        'x-accel-buffering': 'no',
        // Nothing comes after it, and a process that stops waits for connections.
        connection: 'close',
      })
      .send(stream.body);
  }
}
