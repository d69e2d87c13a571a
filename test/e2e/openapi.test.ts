import { Spectral, type RulesetDefinition } from '@stoplight/spectral-core';
import { oas } from '@stoplight/spectral-rulesets';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { useInstallation } from '../support/installation.js';

type Json = Record<string, unknown>;

describe('the OpenAPI document [postgres]', () => {
  const installation = useInstallation({ backend: 'postgres', workers: 0 });
  let document: Json;
  beforeAll(async () => {
    document = (await (await fetch(`${installation.posthaste.url}/docs-json`)).json()) as Json;
  });

  const operations = (): [string, Json][] =>
    Object.entries(document.paths as Record<string, Record<string, Json>>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, Json] => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    );

  it('is 3.1 and passes spectral:oas without a warning', async () => {
    expect(document.openapi).toBe('3.1.0');
    const spectral = new Spectral();
    // Its type lacks what its value has.
    spectral.setRuleset(oas as unknown as RulesetDefinition);
    const found = await spectral.run(document);
    expect(found.map(({ code, message, path }) => `${code} at ${path.join('.')}: ${message}`)).toEqual([]);
    // The ruleset is in force: without servers it has something to say.
    expect(await spectral.run({ ...document, servers: [] })).not.toEqual([]);
  });

  it('names each operation once, and says what it does and who may call it', () => {
    const ids = operations().map(([, { operationId }]) => operationId);
    expect(ids.length).toBeGreaterThan(30);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [route, { summary, description }] of operations()) {
      expect([route, summary]).toEqual([route, expect.stringMatching(/\S.{5,}/)]);
      expect([route, description]).toEqual([route, expect.stringMatching(/\n\nNeeds (no key|the )/)]);
    }
  });

  it('tells operations apart that need a key from those that do not', async () => {
    for (const [route, operation] of operations()) {
      const [method = '', path = ''] = route.split(' ');
      const url = installation.posthaste.url + path.replace('{id}', 'x');
      const { status } = await fetch(url, { method });
      expect([route, status === 401]).toEqual([route, !String(operation.description).endsWith('Needs no key.')]);
    }
  });

  it('leaves nothing of OpenAPI 3.0', () => {
    const nodes = [...walk(document)].map(([, node]) => node);
    expect(nodes.filter(({ type }) => Array.isArray(type) && type.includes('null')).length).toBeGreaterThan(10);
    expect(nodes.filter((node) => 'nullable' in node || typeof node.exclusiveMinimum === 'boolean')).toEqual([]);
  });

  it('has examples and defaults that fit their schemas', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema(document, 'openapi');
    const wrong: string[] = [];
    let checked = 0;
    for (const [pointer, node] of walk(document)) {
      const named = Object.values((node.examples ?? {}) as Record<string, { value: unknown }>);
      const isMedia = node.schema !== undefined;
      const schemaPointer = isMedia ? `${pointer}/schema` : pointer;
      const values = [
        ...('example' in node ? [node.example] : []),
        ...('default' in node && !isMedia ? [node.default] : []),
        ...(isMedia ? named.map(({ value }) => value) : []),
      ];
      // A property that is itself called `example` or `default` holds a schema, not a value.
      if (pointer.endsWith('/properties')) continue;
      for (const value of values) {
        checked += 1;
        const validate = ajv.compile({ $ref: `openapi#${schemaPointer}` });
        if (!validate(value)) wrong.push(`${pointer}: ${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(ajv.validate({ $ref: 'openapi#/components/schemas/ProblemDto' }, {})).toBe(false);
    expect(checked).toBeGreaterThan(150);
  });
});

/** Every object in a document with its JSON pointer, but not what lies inside examples. */
function* walk(node: unknown, pointer = ''): Generator<[string, Json]> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield [pointer, node as Json];
  for (const [name, child] of Object.entries(node)) {
    if (name === 'example' || name === 'examples' || name === 'default') continue;
    const escaped = encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
    yield* walk(child, `${pointer}/${escaped}`);
  }
}
