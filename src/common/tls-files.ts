import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions, type SecureVersion } from 'node:tls';
import { ConfigError, type Config } from '../config/config.js';
import { errorMessage } from './error-message.js';

/** What a TLS listener is made of. */
export interface TlsFiles extends SecureContextOptions {
  cert: Buffer;
  key: Buffer;
  minVersion: SecureVersion;
}

/**
 * The certificate and key that the settings name; null without.
 * @throws ConfigError when they can't be read, are none, or don't belong to each other
 */
export function readTlsFiles({ tlsCertFile, tlsKeyFile }: Config): TlsFiles | null {
  if (tlsCertFile === '' && tlsKeyFile === '') return null;
  const files: TlsFiles = {
    cert: read('TLS_CERT_FILE', tlsCertFile),
    key: read('TLS_KEY_FILE', tlsKeyFile),
    minVersion: 'TLSv1.2',
  };
  check('TLS_CERT_FILE: no certificate in PEM form', { cert: files.cert });
  check('TLS_KEY_FILE: no private key in PEM form', { key: files.key });
  check('TLS_KEY_FILE: is not the key of the certificate in TLS_CERT_FILE', files);
  return files;
}

function read(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${setting}: can't be read (${errorMessage(error)})`);
  }
}

function check(problem: string, options: SecureContextOptions): void {
  try {
    createSecureContext(options);
  } catch (error) {
    throw new ConfigError(`${problem} (${errorMessage(error)})`);
  }
}
