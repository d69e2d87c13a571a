import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { lockDataFolder } from '../../src/embedded/data-folder-lock.js';
import { loadOrCreateLocalKeys } from '../../src/embedded/local-keys.js';
import { assertPortIsFree, freePort } from '../../src/embedded/port-check.js';
import { processStartTicks } from '../../src/embedded/process-state.js';
import { makeTempFolder } from '../support/temp-folder.js';

let folder: string;
beforeEach(() => (folder = makeTempFolder()));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the keys of a start without settings', () => {
  it('are made once, for their owner alone, and found again', async () => {
    const made = await loadOrCreateLocalKeys(join(folder, 'data'));
    expect(made.created).toBe(true);
    expect(made.adminApiKey).toMatch(/^pha_[0-9A-Za-z]{43}$/);
    expect(Buffer.from(made.encryptionKey, 'base64')).toHaveLength(32);
    expect(statSync(join(folder, 'data', 'keys.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'data'))).toEqual(['keys.json']);

    expect(await loadOrCreateLocalKeys(join(folder, 'data'))).toEqual({ ...made, created: false });
  });

  it.each([
    ['cut off', '{"adminApiKey":"pha_'],
    ['empty', ''],
    ['without the encryption key', '{"adminApiKey":"pha_0123456789abcdef"}'],
    ['with a short encryption key', '{"adminApiKey":"pha_0123456789abcdef","encryptionKey":"c2hvcnQ="}'],
  ])('are never replaced when their file is %s', async (_name, text) => {
    writeFileSync(join(folder, 'keys.json'), text);
    await expect(loadOrCreateLocalKeys(folder)).rejects.toThrow(/keys\.json is damaged/);
    expect(readFileSync(join(folder, 'keys.json'), 'utf8')).toBe(text);
  });
});

describe('the lock of a data folder', () => {
  const lockFile = (): string => join(folder, 'launcher.lock');

  it('is refused while its holder lives, naming it', async () => {
    const holder = spawn('sleep', ['120'], { stdio: 'ignore' });
    try {
      writeFileSync(lockFile(), `${holder.pid} ${processStartTicks(holder.pid ?? 0)}\n`);
      await expect(lockDataFolder(folder)).rejects.toThrow(`(pid ${holder.pid})`);
    } finally {
      holder.kill('SIGKILL');
    }
  });

  it('is taken over from a holder that was killed', async () => {
    const holder = spawn('sleep', ['120'], { stdio: 'ignore' });
    writeFileSync(lockFile(), `${holder.pid} ${processStartTicks(holder.pid ?? 0)}\n`);
    holder.kill('SIGKILL');
    await new Promise((resolve) => holder.once('exit', resolve));

    const lock = await lockDataFolder(folder);
    expect(lock.tookOver).toBe(true);
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ["another program has its holder's pid by now", `${process.ppid} 1\n`],
    ['a kill left it empty', ''],
  ])('is taken over when %s', async (_name, content) => {
    writeFileSync(lockFile(), content);
    const lock = await lockDataFolder(folder);
    expect(lock.tookOver).toBe(true);
    await lock.release();
  });

  it('is new in a folder that was not there', async () => {
    const lock = await lockDataFolder(join(folder, 'new', 'data'));
    expect(lock.tookOver).toBe(false);
    await lock.release();
  });

  it('tells in one line when the folder can not be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'launcher.lock'));
    await expect(lockDataFolder(join(folder, 'file'))).rejects.toThrow(/data folder/);
  });
});

describe('the check of a port', () => {
  it('passes a free port and leaves it free', async () => {
    const port = await freePort();
    await assertPortIsFree('PORT', '127.0.0.1', port);
    await assertPortIsFree('PORT', '127.0.0.1', port);
  });

  it('names the taken port and the setting to change', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      await expect(assertPortIsFree('WORKER_PORT', '127.0.0.1', port)).rejects.toThrow(
        `Port ${port} on 127.0.0.1 is taken. Stop what uses it or set WORKER_PORT.`,
      );
      const freed = assertPortIsFree('WORKER_PORT', '127.0.0.1', port, 5_000);
      await new Promise((resolve) => server.close(resolve));
      await expect(freed).resolves.toBeUndefined();
    } finally {
      if (server.listening) server.close();
    }
    expect(existsSync(folder)).toBe(true);
  });

  it('says when HOST is no address of this machine', async () => {
    await expect(assertPortIsFree('PORT', '203.0.113.1', 3000)).rejects.toThrow('HOST 203.0.113.1 is not an address');
  });
});
