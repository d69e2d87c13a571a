import { Body, Controller, Headers, HttpCode, Post, Res } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentTenant, RequireScope } from '../api-keys/auth.decorators.js';
import type { CallerTenant } from '../api-keys/caller.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { EventsService, type BatchAnswer, type PublishAnswer } from './events.service.js';
import { BatchAnswerDto, PublishAnswerDto, PublishBatchDto, PublishEventDto } from './publish.dto.js';

const SIGNATURE_HEADER = {
  name: 'X-Signature',
  required: false,
  description:
    "`sha256=` and the hex HMAC-SHA256 of the body as sent, with the tenant's `secret_key`; for tenants with " +
    '`require_signed_publish`.',
};

@ApiTags('Events')
@Controller('events')
export class PublishController {
  constructor(private readonly events: EventsService) {}

  @Post()
  @HttpCode(202)
  @RequireScope('events:write')
  @ApiOperation({ operationId: 'publishEvent', summary: 'Publish an event' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Unique in the tenant for 24 hours; at most 255 characters.',
  })
  @ApiHeader(SIGNATURE_HEADER)
  @ApiBody({ type: PublishEventDto })
  @ApiResponse({ status: 202, type: PublishAnswerDto, description: 'Committed; deliveries are on their way.' })
  @ApiProblems(
    'malformed_request',
    'signature_required',
    'invalid_signature',
    'payload_too_large',
    'unsupported_media_type',
    'tenant_suspended',
    'validation_failed',
    'idempotency_conflict',
    'rate_limited',
    'unavailable',
  )
  publish(
    @CurrentTenant() tenant: CallerTenant,
    @Body() body: unknown,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Headers('traceparent') traceparent: string | undefined,
    @Headers('x-signature') signature: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PublishAnswer> {
    return this.events.publish(
      tenant,
      bytesOf(body),
      { idempotencyKey, traceparent, signature, requestId: reply.request.id },
      (headers) => void reply.headers(headers),
    );
  }

  @Post('batch')
  @HttpCode(202)
  @RequireScope('events:write')
  @ApiOperation({
    operationId: 'publishEventBatch',
    summary: 'Publish up to 1,000 events',
    description: 'Each event has its own outcome, in order; a bad one never spoils the others.',
  })
  @ApiHeader(SIGNATURE_HEADER)
  @ApiBody({ type: PublishBatchDto })
  @ApiResponse({ status: 202, type: BatchAnswerDto, description: 'What became of each event.' })
  @ApiProblems(
    'malformed_request',
    'signature_required',
    'invalid_signature',
    'payload_too_large',
    'unsupported_media_type',
    'tenant_suspended',
    'validation_failed',
    'unavailable',
  )
  publishBatch(
    @CurrentTenant() tenant: CallerTenant,
    @Body() body: unknown,
    @Headers('idempotency-key') idempotencyKey: string | undefined,
    @Headers('traceparent') traceparent: string | undefined,
    @Headers('x-signature') signature: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BatchAnswer> {
    return this.events.publishBatch(
      tenant,
      bytesOf(body),
      { idempotencyKey, traceparent, signature, requestId: reply.request.id },
      (headers) => void reply.headers(headers),
    );
  }
}

/** A request without a body never meets the parser; it counts as one that is empty. */
const bytesOf = (body: unknown): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0));
