import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempFolder } from './temp-folder.js';

export interface TestCertificate {
  key: string;
  cert: string;
}

export interface CertificateOptions {
  /** YYYYMMDDHHMMSSZ: one that ended then. */
  endDate?: string;
  /** Also for this address. */
  address?: string;
}

/** A certificate authority of a test's own, made with openssl. */
export class TestAuthority {
  private readonly folder = makeTempFolder();
  /** Its own certificate, PEM. */
  readonly certificate: string;
  readonly certificateFile = join(this.folder, 'ca.crt');

  constructor() {
    const policy =
      '[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\n';
    writeFileSync(
      join(this.folder, 'ca.cnf'),
      `${policy}certificate=ca.crt\nprivate_key=ca.key\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n`,
    );
    writeFileSync(join(this.folder, 'index.txt'), '');
    const keyOptions = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    this.openssl('req', '-x509', ...keyOptions, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=Test Authority');
    this.certificate = this.read('ca.crt');
  }

  /** A certificate for `host`, fit for servers and clients. */
  certificateFor(host: string, { endDate, address }: CertificateOptions = {}): TestCertificate {
    const subject = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${host}`];
    this.openssl('req', ...subject, '-keyout', `${host}.key`, '-out', `${host}.csr`);
    const names = [`DNS:${host}`, ...(address === undefined ? [] : [`IP:${address}`])];
    writeFileSync(join(this.folder, 'names.cnf'), `subjectAltName=${names.join(',')}\n`);
    const period = endDate === undefined ? ['-days', '2'] : ['-startdate', '20200101000000Z', '-enddate', endDate];
    const files = ['-in', `${host}.csr`, '-out', `${host}.crt`, '-extfile', 'names.cnf'];
    this.openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', ...period, ...files);
    return { key: this.read(`${host}.key`), cert: this.read(`${host}.crt`) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe' });
  }

  private read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }
}
