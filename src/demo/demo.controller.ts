import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { OperatorOnly } from '../api-keys/auth.decorators.js';
import type { Actor } from '../audit/actor.js';
import { CurrentActor } from '../audit/actor.decorator.js';
import { ApiProblems } from '../common/api-problems.decorator.js';
import { DemoDto } from './demo.dto.js';
import { DemoService } from './demo.service.js';

@ApiTags('Operations')
@Controller('demo')
export class DemoController {
  constructor(private readonly demo: DemoService) {}

  @Post()
  @OperatorOnly()
  @HttpCode(202)
  @ApiOperation({
    operationId: 'startDemo',
    summary: 'Make a tenant with endpoints of each kind, and post events to it for a while',
    description: 'Only with `npm start` on its embedded database. Asking again while it runs changes nothing.',
  })
  @ApiAcceptedResponse({ type: DemoDto })
  @ApiProblems('not_found')
  start(@CurrentActor() actor: Actor): Promise<DemoDto> {
    return this.demo.start(actor);
  }
}
