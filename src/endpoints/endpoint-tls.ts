import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { CertificateError, hasExpired, readCertificates } from '../common/certificates.js';
import { validationFailed } from '../common/domain-error.js';
import { MASK } from '../sending/delivery-request.js';
import type { EndpointTlsDto } from './endpoint-tls.dto.js';
import type { EndpointCertificates } from './endpoint.entity.js';

/** What a request asks for: the certificates, and apart from them the key, which is to be sealed. */
export interface RequestedTls {
  readonly certificates: EndpointCertificates;
  /** PEM (PKCS #8); null exactly when there is no client certificate. */
  readonly clientKey: string | null;
}

const FIELDS = ['ca', 'client_cert', 'client_key'] as const;
type Field = (typeof FIELDS)[number];
const MAX_PEM_LENGTH = 32_768;
const MAX_CERTIFICATES = 20;

/**
 * The `tls` of a request: undefined when absent, null when there is to be none. Certificates and key are written anew from
 * what was read, so that nothing else in the texts (a second key, say) is kept.
 * @throws DomainError `validation_failed`; never repeats a value
 */
export function readTls(value: unknown, now: Date): RequestedTls | null | undefined {
  if (value === undefined || value === null) return value;
  const { ca, client_cert, client_key } = fieldsOf(value);
  if (ca === undefined && client_cert === undefined && client_key === undefined) return null;
  if (client_cert === undefined && client_key !== undefined)
    throw refused('client_cert', 'is missing beside client_key');
  if (client_cert !== undefined && client_key === undefined)
    throw refused('client_key', 'is missing beside client_cert');
  const authorities = ca === undefined ? null : certificatesOf('ca', ca, now);
  const chain = client_cert === undefined ? null : certificatesOf('client_cert', client_cert, now);
  const key = client_key === undefined ? null : privateKeyOf(client_key);
  if (chain !== null && key !== null && chain[0]?.checkPrivateKey(key) !== true) {
    throw refused('client_key', 'does not belong to the first certificate of client_cert');
  }
  const requested: RequestedTls = {
    certificates: { ca: pemOf(authorities), client_cert: pemOf(chain) },
    clientKey: key === null ? null : key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
  refuseUnusable(requested);
  return requested;
}

/** The key is shown as there, never as it is. */
export function presentTls(certificates: EndpointCertificates | null): EndpointTlsDto | null {
  if (certificates === null) return null;
  const { ca, client_cert } = certificates;
  const leaf = client_cert === null ? undefined : readCertificates(client_cert)[0];
  return {
    ca,
    client_cert,
    client_key: client_cert === null ? null : MASK,
    client_cert_expires_at: leaf === undefined ? null : new Date(leaf.validTo),
  };
}

/** @throws DomainError `validation_failed`: over plain http there would be no TLS, and nobody would notice */
export function refuseTlsWithoutHttps(url: string, certificates: EndpointCertificates | null | undefined): void {
  if (certificates && !/^https:/i.test(url)) throw validationFailed([{ field: 'tls', message: 'needs an https url' }]);
}

function fieldsOf(value: unknown): Partial<Record<Field, string>> {
  if (typeof value !== 'object' || Array.isArray(value))
    throw validationFailed([{ field: 'tls', message: 'must be an object' }]);
  const given: Partial<Record<Field, string>> = {};
  for (const [name, text] of Object.entries(value as object)) {
    const field = FIELDS.find((known) => known === name);
    if (field === undefined) throw validationFailed([{ field: `tls.${name.slice(0, 64)}`, message: 'unknown field' }]);
    if (text === null) continue;
    if (typeof text !== 'string' || text.length > MAX_PEM_LENGTH) {
      throw refused(field, `must be PEM of at most ${MAX_PEM_LENGTH} characters`);
    }
    given[field] = text;
  }
  return given;
}

function certificatesOf(field: Field, pem: string, now: Date): X509Certificate[] {
  let certificates: X509Certificate[];
  try {
    certificates = readCertificates(pem);
  } catch (error) {
    if (error instanceof CertificateError) throw refused(field, error.message);
    throw error;
  }
  if (certificates.length > MAX_CERTIFICATES) throw refused(field, `holds more than ${MAX_CERTIFICATES} certificates`);
  if (certificates.some((certificate) => hasExpired(certificate, now))) {
    throw refused(field, 'holds a certificate that has expired');
  }
  return certificates;
}

function privateKeyOf(pem: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    throw refused('client_key', 'must be a private key in PEM, without a passphrase');
  }
}

/** Some certificates can be read and still not be used: keys that are too short, say, or of a kind that TLS doesn't know. */
function refuseUnusable({ certificates: { ca, client_cert }, clientKey }: RequestedTls): void {
  try {
    createSecureContext({ ca: ca ?? undefined, cert: client_cert ?? undefined, key: clientKey ?? undefined });
  } catch {
    throw validationFailed([{ field: 'tls', message: 'can not be used for TLS (is a key too short?)' }]);
  }
}

const pemOf = (certificates: X509Certificate[] | null): string | null =>
  certificates && certificates.map((certificate) => certificate.toString()).join('');

const refused = (field: Field, message: string): Error => validationFailed([{ field: `tls.${field}`, message }]);
