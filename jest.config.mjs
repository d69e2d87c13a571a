// Nest 12 ships as ES modules only and jest runs CommonJS without flags: swc turns our sources and the ESM-only packages into CommonJS.
const esmOnlyPackages = [
  '@nestjs',
  '@tokenizer',
  '@borewit',
  'content-disposition',
  'cookie',
  'file-type',
  'load-esm',
  'strtok3',
  'token-types',
  'uint8array-extras',
  'uuid',
  'get-port',
  'jose',
  // Loads the package `cookie`, which is ESM only, by a dynamic import.
  '@fastify/cookie',
];

const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: [],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.(m?[jt]s)$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'commonjs', ignoreDynamic: false },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          keepClassNames: true,
        },
      },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnlyPackages.join('|')})/)`],
};

// PostgreSQL and Redis for the tests that use them; the unit tests stay free of servers.
const servers = {
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};

/** @type {import('jest').Config} */
export default {
  testTimeout: 240_000,
  // End-to-end files start processes of their own: two files at a time keep two cores busy.
  maxWorkers: 2,
  reporters: ['default', '<rootDir>/test/support/counts-reporter.mjs'],
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['src', 'demo', 'bench', 'dashboard/src'].map((folder) => `<rootDir>/${folder}/**/*.spec.ts`),
    },
    {
      ...shared,
      ...servers,
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
    },
    {
      ...shared,
      ...servers,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
    },
    {
      ...shared,
      ...servers,
      displayName: 'browser',
      testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
    },
    {
      ...shared,
      ...servers,
      displayName: 'chaos',
      // A few minutes' worth in every run; all of it takes the better part of an hour.
      testMatch: [
        process.env.CHAOS === 'full' ? '<rootDir>/test/chaos/**/*.test.ts' : '<rootDir>/test/chaos/short.test.ts',
      ],
    },
  ],
};
