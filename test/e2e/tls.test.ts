import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as requestWithTls } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { useInstallation } from '../support/installation.js';
import { UNSET, roleScript } from '../support/posthaste.js';
import { freePort, startNode, stopAllProcesses, waitFor, type NodeProcess } from '../support/processes.js';

const folder = mkdtempSync(join(tmpdir(), 'posthaste-tls-'));
const file = (name: string): string => join(folder, name);

function makeCertificate(name: string): { cert: string; key: string } {
  const [cert, key] = [file(`${name}.crt`), file(`${name}.key`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', [...args, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
  return { cert, key };
}

const first = makeCertificate('first');
const second = makeCertificate('second');
afterAll(async () => {
  await stopAllProcesses();
  rmSync(folder, { recursive: true });
});

describe('TLS [postgres]', () => {
  const installation = useInstallation({ backend: 'postgres' });
  const settings = (cert: string, key: string): Record<string, string | undefined> => ({
    ...UNSET,
    DATABASE_URL: installation.posthaste.databaseUrl,
    ADMIN_API_KEY: installation.posthaste.adminKey,
    ENCRYPTION_KEY: installation.posthaste.encryptionKey,
    DATABASE_POOL_SIZE: '4',
    TLS_CERT_FILE: cert,
    TLS_KEY_FILE: key,
  });

  interface Answer {
    status: number | undefined;
    headers: Record<string, unknown>;
  }
  const get = (port: number, path: string, cert = first.cert): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, ca: readFileSync(cert), agent: false };
      requestWithTls(options, (response) => {
        response.resume().once('end', () => resolve({ status: response.statusCode, headers: response.headers }));
      })
        .once('error', reject)
        .end();
    });
  const isReady = (port: number, cert?: string): Promise<boolean> =>
    get(port, '/health/ready', cert).then(
      ({ status }) => status === 200,
      () => false,
    );
  /** The name on the certificate of a new connection, or why there is none. */
  const subject = (port: number, options: object = {}): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.once('error', (error: Error) => resolve(error.message));
    });
  const start = async (
    role: 'main.js' | 'worker.js',
    env: Record<string, string | undefined>,
  ): Promise<[NodeProcess, number]> => {
    const port = await freePort();
    const node = startNode(roleScript(role), {
      env: { ...env, [role === 'main.js' ? 'PORT' : 'WORKER_PORT']: String(port) },
    });
    return [node, port];
  };

  it.each(['main.js', 'worker.js'] as const)('is all that %s speaks when it has a certificate', async (role) => {
    const env = settings(first.cert, first.key);
    const [node, port] = await start(role, env);
    await waitFor(() => isReady(port), { what: 'readiness over TLS' });
    const answer = await get(port, '/health/live');
    expect(answer).toMatchObject({ status: 200, headers: { 'strict-transport-security': 'max-age=63072000' } });
    await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow();
    expect(await subject(port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' })).toMatch(
      /protocol|handshake|version/i,
    );
    expect(await subject(port, { maxVersion: 'TLSv1.2' })).toBe('first');

    const args = role === 'worker.js' ? ['worker'] : [];
    const check = (over: object): Promise<{ code: number | null }> =>
      startNode(roleScript('main.js').replace('main.js', 'health-check.js'), {
        args,
        env: { ...env, [role === 'main.js' ? 'PORT' : 'WORKER_PORT']: String(port), ...over },
      }).exited;
    expect(await check({})).toMatchObject({ code: 0 });
    expect(await check({ TLS_CERT_FILE: '' })).toMatchObject({ code: 1 });
    expect(await node.stop()).toMatchObject({ code: 0 });
  });

  it('takes a renewed certificate at SIGHUP, and keeps the old one when the new is bad', async () => {
    const [cert, key] = [file('live.crt'), file('live.key')];
    copyFileSync(first.cert, cert);
    copyFileSync(first.key, key);
    const [node, port] = await start('main.js', settings(cert, key));
    await waitFor(() => isReady(port), { what: 'readiness over TLS' });
    expect(await subject(port)).toBe('first');

    copyFileSync(second.cert, cert);
    process.kill(node.pid, 'SIGHUP');
    await waitFor(() => node.logs().includes('stays as it was'), { what: 'the bad pair to be told' });
    expect(await subject(port)).toBe('first');

    copyFileSync(second.key, key);
    process.kill(node.pid, 'SIGHUP');
    await waitFor(async () => (await subject(port)) === 'second', { what: 'the new certificate' });
    expect(await isReady(port, second.cert)).toBe(true);
    expect(await node.stop()).toMatchObject({ code: 0 });
  });

  it.each([
    ['a certificate that is not there', () => [file('none.crt'), first.key], /^TLS_CERT_FILE: can't be read/],
    ['a key that is not there', () => [first.cert, file('none.key')], /^TLS_KEY_FILE: can't be read/],
    ['a folder for a key', () => [first.cert, folder], /^TLS_KEY_FILE: can't be read/],
    ['a certificate that is none', () => [file('junk'), first.key], /^TLS_CERT_FILE: no certificate/],
    ['a key that is none', () => [first.cert, file('junk')], /^TLS_KEY_FILE: no private key/],
    ['files of two pairs', () => [first.cert, second.key], /^TLS_KEY_FILE: is not the key of the certificate/],
    ['one without the other', () => [first.cert, ''], /^TLS_CERT_FILE, TLS_KEY_FILE: set both or neither/],
  ])('is refused at the start with one line: %s', async (_name, files, message) => {
    writeFileSync(file('junk'), 'junk');
    const [cert = '', key = ''] = files();
    const [node] = await start('main.js', settings(cert, key));
    expect(await node.exited).toMatchObject({ code: 1 });
    expect(node.logs().trim()).toMatch(message);
    expect(node.logs().trim().split('\n')).toHaveLength(1);
  });
});
