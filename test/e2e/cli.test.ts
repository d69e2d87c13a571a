import { randomBytes } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { assertBuilt, roleScript, UNSET } from '../support/posthaste.js';
import { freePort, startNode, stopAllProcesses, type ProcessExit } from '../support/processes.js';

interface Run extends ProcessExit {
  output: string;
}

describe('posthaste', () => {
  let database: TestDatabase;
  let env: Record<string, string | undefined>;
  beforeAll(async () => {
    assertBuilt();
    database = await createTestDatabase();
    env = {
      ...UNSET,
      DATABASE_URL: database.url,
      ADMIN_API_KEY: `pha_${randomBytes(24).toString('hex')}`,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    };
  });
  afterAll(async () => {
    await stopAllProcesses();
    await database.drop();
  });

  const posthaste = async (args: string[], more: Record<string, string> = {}): Promise<Run> => {
    const child = startNode(roleScript('cli.js'), { args, env: { ...env, ...more } });
    return { ...(await child.exited), output: child.logs() };
  };

  it('doctor ends with 0 where all is well and with 1 where there is a problem, for people and for programs', async () => {
    const well = await posthaste(['doctor']);
    expect(well.output).toMatch(/^ok +Node\.js/);
    expect(well).toMatchObject({ code: 0, output: expect.stringContaining('0 problem(s)') as string });
    const ill = await posthaste(['doctor', '--json'], { DATABASE_URL: `postgres://u@127.0.0.1:${await freePort()}/d` });
    expect(ill.code).toBe(1);
    const { ok, findings } = JSON.parse(ill.output) as { ok: boolean; findings: { check: string; advice?: string }[] };
    expect(ok).toBe(false);
    expect(findings.find(({ check }) => check === 'postgres.connection')?.advice).toContain('Start PostgreSQL');
    const unset = await posthaste(['doctor'], { ENCRYPTION_KEY: '' });
    expect(unset).toMatchObject({
      code: 1,
      output: expect.stringMatching(/PROBLEM +ENCRYPTION_KEY: is required/) as string,
    });
  });

  it('migrate takes the newest migration back and runs it again; several at once do it once', async () => {
    const reverted = await posthaste(['migrate', '--revert']);
    const name = /^reverted: (\w+)$/m.exec(reverted.output)?.[1];
    expect([reverted.code, name]).toEqual([0, expect.any(String)]);
    const runs = await Promise.all([posthaste(['migrate']), posthaste(['migrate']), posthaste(['migrate'])]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(runs.filter(({ output }) => output.includes(`migrated: ${name}`))).toHaveLength(1);
    expect(runs.filter(({ output }) => output.includes('The database is up to date.'))).toHaveLength(2);
  });

  it.each([[[]], [['migrat']], [['migrate', '--json']], [['doctor', 'now']], [['--force']]])(
    'does nothing when it is called with %j, and says how it is called',
    async (args) => {
      const run = await posthaste(args);
      expect(run.code).toBe(2);
      expect(run.output).toContain('Usage: posthaste <command>');
    },
  );

  it('says in one line what stands in its way', async () => {
    const run = await posthaste(['migrate'], { DATABASE_URL: `postgres://u@127.0.0.1:${await freePort()}/d` });
    expect([run.code, run.output.trim().split('\n')]).toEqual([
      1,
      [expect.stringMatching(/^posthaste: .*ECONNREFUSED/)],
    ]);
  });
});
