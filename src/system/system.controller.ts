import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { OperatorOnly } from '../api-keys/auth.decorators.js';
import { SystemDto } from './system.dto.js';
import { SystemService } from './system.service.js';

@ApiTags('Operations')
@Controller('system')
export class SystemController {
  constructor(private readonly system: SystemService) {}

  @Get()
  @OperatorOnly()
  @ApiOperation({ operationId: 'getSystem', summary: 'Queue, backlog and workers of the installation' })
  @ApiOkResponse({ type: SystemDto })
  read(): Promise<SystemDto> {
    return this.system.read();
  }
}
