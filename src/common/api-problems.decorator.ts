import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiProperty, ApiPropertyOptional, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { PROBLEMS, type ProblemCode } from './domain-error.js';
import { problemType } from './problem.js';

class FieldErrorDto {
  @ApiProperty({ example: 'url' }) field: string;
  @ApiProperty({ example: 'must be an http or https URL' }) message: string;
}

/** RFC 9457. */
export class ProblemDto {
  @ApiProperty({ description: 'Stable: branch on this.', example: 'urn:posthaste:problem:not_found' }) type: string;
  @ApiProperty({ example: 'Not found' }) title: string;
  @ApiProperty({ type: 'integer', example: 404 }) status: number;
  @ApiProperty({ description: 'For people; may change.', example: 'No such endpoint.' }) detail: string;
  @ApiPropertyOptional({ description: 'The `X-Request-Id` of the answer; quote it when asking for help.' })
  request_id?: string;
  @ApiPropertyOptional({ type: [FieldErrorDto], description: 'On a failed validation: what is wrong, field by field.' })
  errors?: FieldErrorDto[];
}

/** Documents the failures that a route tells. */
export const ApiProblems = (...codes: ProblemCode[]): MethodDecorator & ClassDecorator =>
  applyDecorators(
    ApiExtraModels(ProblemDto),
    ...codes.map((code) =>
      ApiResponse({
        status: PROBLEMS[code].status,
        description: `${PROBLEMS[code].title}: \`${problemType(code)}\``,
        content: { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemDto) } } },
      }),
    ),
  );
