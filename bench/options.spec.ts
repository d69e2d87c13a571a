import { HELP, readOptions, UsageError } from './options.js';
import { SCENARIO_NAMES } from './scenario-names.js';

describe('options of npm run bench', () => {
  it('without any are all scenarios, the floor first, on the settings that ship', () => {
    const options = readOptions([]);
    expect(options).toMatchObject({ workers: 1, apis: 1, redis: true, env: {}, postgresSettings: {}, json: false });
    expect(options.scenarios).toEqual(SCENARIO_NAMES);
    expect(options.scenarios[0]).toBe('floor');
    expect(options).toMatchObject({ backlog: 1_000_000, aged: 5_000_000, seconds: undefined });
  });

  it('choose scenarios and their load', () => {
    const args = [
      '--scenario',
      'ingest, end-to-end',
      '--seconds',
      '2.5',
      '--workers',
      '2',
      '--warmup',
      '0',
      '--no-redis',
    ];
    expect(readOptions([...args, '--env', 'A=b=c', '--env', 'D=', '--pg', 'wal_compression=lz4'])).toMatchObject({
      scenarios: ['ingest', 'end-to-end'],
      seconds: 2.5,
      workers: 2,
      warmupSeconds: 0,
      redis: false,
      env: { A: 'b=c', D: '' },
      postgresSettings: { wal_compression: 'lz4' },
    });
  });

  it('can have statements counted, beside other settings of PostgreSQL', () => {
    expect(readOptions(['--statements', '--pg', 'work_mem=8MB']).postgresSettings).toEqual({
      shared_preload_libraries: 'pg_stat_statements',
      work_mem: '8MB',
    });
  });

  it.each([
    [['--scenario', 'all'], 'There is no scenario "all". There are: floor, ingest'],
    [['--seconds', 'ten'], '--seconds takes a number from 0.1 on, not "ten"'],
    [['--seconds', '0'], '--seconds takes a number from 0.1 on, not "0"'],
    [['--workers', '1.5'], '--workers takes a whole number, not "1.5"'],
    [['--workers='], '--workers takes a number from 1 on, not ""'],
    [['--env', 'NAME'], '--env takes NAME=value, not "NAME"'],
    [['--speed'], "Unknown option '--speed'"],
    [['floor'], "Unexpected argument 'floor'"],
  ])('refuse %j', (args, message) => {
    expect(() => readOptions(args)).toThrow(UsageError);
    expect(() => readOptions(args)).toThrow(message);
  });

  it('are told of by --help, each scenario included', () => {
    expect(readOptions(['--help']).help).toBe(true);
    for (const name of SCENARIO_NAMES) expect(HELP).toContain(name);
  });
});
