import { X509Certificate } from 'node:crypto';

/** A text that doesn't hold certificates. `message` says what is wrong with it and repeats none of it. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * The certificates in a PEM text (RFC 7468). What stands between the blocks is skipped, as CA bundles have comments there.
 * @throws CertificateError when there is none, or one that can't be read
 */
export function readCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(CERTIFICATE) ?? [];
  // A block that the pattern passes over must not be left out in silence: it may be the one that matters.
  if (blocks.length !== pem.split('-----BEGIN CERTIFICATE-----').length - 1) {
    throw new CertificateError('holds a certificate that is cut off or no base64');
  }
  if (blocks.length === 0) throw new CertificateError('must hold certificates in PEM');
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw new CertificateError('holds a certificate that can not be read');
    }
  });
}

export const hasExpired = (certificate: X509Certificate, now: Date): boolean =>
  Date.parse(certificate.validTo) <= now.getTime();
