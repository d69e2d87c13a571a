import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { OAUTH_ERRORS, type OAuthErrorCode } from './oauth-error.js';

/** As it is documented; src/oauth/token-request.ts reads it. */
export class TokenRequestDto {
  @ApiProperty({ enum: ['client_credentials'], example: 'client_credentials' }) grant_type: 'client_credentials';
  @ApiPropertyOptional({
    format: 'uuid',
    description: "The API key's id. Left out where the client authenticates by HTTP Basic.",
    example: '0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f10',
  })
  client_id?: string;
  @ApiPropertyOptional({
    description: 'The API key. Left out where the client authenticates by HTTP Basic.',
    example: 'ph_…',
  })
  client_secret?: string;
  @ApiPropertyOptional({
    description: 'Separated by spaces, none that the key lacks; all of its scopes when left out.',
    example: 'events:write events:read',
  })
  scope?: string;
}

/** RFC 6749, section 5.1. */
export class AccessTokenDto {
  @ApiProperty({ description: 'For `Authorization: Bearer`.', example: 'eyJhbGciOiJIUzI1NiJ9.….…' })
  access_token: string;
  @ApiProperty({ enum: ['Bearer'], example: 'Bearer' }) token_type: 'Bearer';
  @ApiProperty({ type: 'integer', description: 'In seconds; less if the API key expires sooner.', example: 900 })
  expires_in: number;
  @ApiProperty({ description: 'What it may do.', example: 'events:write events:read' }) scope: string;
}

/** RFC 6749, section 5.2. */
export class OAuthErrorDto {
  @ApiProperty({ enum: Object.keys(OAUTH_ERRORS), enumName: 'OAuthErrorCode', example: 'invalid_client' })
  error: OAuthErrorCode;
  @ApiProperty({
    description: 'For people; may change.',
    example: 'The client_id and client_secret are not those of a valid API key.',
  })
  error_description: string;
}
