import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

const CERTIFICATE_EXAMPLE = '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n';
const CA = {
  type: String,
  nullable: true,
  maxLength: 32_768,
  description: 'PEM certificates that alone are trusted for this endpoint, instead of the usual authorities.',
  example: CERTIFICATE_EXAMPLE,
} as const;
const CLIENT_CERT = {
  type: String,
  nullable: true,
  maxLength: 32_768,
  description: 'PEM, shown to receivers that ask for a client certificate (mTLS): the certificate, then its chain.',
  example: CERTIFICATE_EXAMPLE,
} as const;

/** What a request may say of TLS; read by `readTls`. */
export class EndpointTlsRequestDto {
  @ApiPropertyOptional(CA) ca?: string | null;
  @ApiPropertyOptional(CLIENT_CERT) client_cert?: string | null;
  @ApiPropertyOptional({
    type: String,
    nullable: true,
    maxLength: 32_768,
    description: 'PEM, without a passphrase. Goes with `client_cert`; stored encrypted and never shown again.',
    example: '-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n',
  })
  client_key?: string | null;
}

export class EndpointTlsDto {
  @ApiProperty(CA) ca: string | null;
  @ApiProperty(CLIENT_CERT) client_cert: string | null;
  @ApiProperty({ type: String, nullable: true, description: 'Masked where there is one.', example: '***' })
  client_key: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2027-01-31T12:00:00.000Z' })
  client_cert_expires_at: Date | null;
}
