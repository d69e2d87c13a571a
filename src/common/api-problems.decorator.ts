import { applyDecorators } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  getSchemaPath,
  type ApiResponseOptions,
} from '@nestjs/swagger';
import { PROBLEMS, type ProblemCode } from './domain-error.js';
import { problemType } from './problem.js';

const EXAMPLE_DETAIL = 'What is wrong, for people to read.';

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

const PROBLEMS_METADATA = 'posthaste:problems';

/** Documents the failures that a route tells, beside those that it has from elsewhere. Each is an example under its code. */
export const ApiProblems =
  (...codes: ProblemCode[]): MethodDecorator & ClassDecorator =>
  (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    const route = (descriptor?.value ?? target) as object;
    const before = (Reflect.getMetadata(PROBLEMS_METADATA, route) ?? []) as ProblemCode[];
    const all = [...new Set([...before, ...codes])];
    Reflect.defineMetadata(PROBLEMS_METADATA, all, route);
    // A status stands once in the document, with all that it can mean: a later decorator must not hide an earlier one's.
    const statuses = [...new Set(all.map((code) => PROBLEMS[code].status))];
    const responses = statuses.map((status) =>
      problemResponse(
        status,
        all.filter((code) => PROBLEMS[code].status === status),
      ),
    );
    applyDecorators(ApiExtraModels(ProblemDto), ...responses.map((response) => ApiResponse(response)))(
      target,
      key,
      descriptor,
    );
  };

function problemResponse(status: number, codes: readonly ProblemCode[]): ApiResponseOptions {
  const examples = codes.map((code) => {
    const value = { type: problemType(code), title: PROBLEMS[code].title, status, detail: EXAMPLE_DETAIL };
    return [code, { summary: PROBLEMS[code].title, value }] as const;
  });
  return {
    status,
    description: codes.map((code) => `${PROBLEMS[code].title}: \`${problemType(code)}\``).join('; '),
    content: {
      'application/problem+json': {
        schema: { $ref: getSchemaPath(ProblemDto) },
        examples: Object.fromEntries(examples),
      },
    },
  };
}
