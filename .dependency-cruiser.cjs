/** What may import what. The cut between features is wrong where a rule here needs an exception. */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Arrows between files point one way; an import of types alone makes no cycle at run time.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-imports-the-worker-or-admin',
      severity: 'error',
      from: { pathNot: '^src/(delivery-worker|admin|maintenance)/|^src/(main|worker|worker\\.module)\\.ts$' },
      to: { path: '^src/(delivery-worker|admin|maintenance)/' },
    },
    {
      name: 'common-and-config-stand-below-the-features',
      severity: 'error',
      comment: 'Pure rules on retry policies are what a setting is checked with.',
      from: { path: '^src/(common|config)/' },
      to: { path: '^src/', pathNot: '^src/(common|config)/|^src/deliveries/(validate-)?retry-policy\\.ts$' },
    },
    {
      name: 'controllers-only-in-the-modules-of-processes',
      severity: 'error',
      from: { pathNot: '^src/(api|worker)\\.module\\.ts$' },
      to: { path: '\\.controller\\.ts$' },
    },
    {
      name: 'the-product-imports-no-tests',
      severity: 'error',
      from: { path: '^(src|migrations|demo)/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^test/|\\.spec\\.ts$' },
    },
    {
      name: 'no-dev-dependencies-in-the-product',
      severity: 'error',
      from: { path: '^(src|migrations|demo)/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: '\\.(cjs|mjs)$|^src/(launcher|main|worker|migrate|reencrypt|cli)\\.ts$|\\.d\\.ts$',
      },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
