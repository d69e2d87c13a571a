import { isNestedDeeper } from './json-depth.js';

describe('isNestedDeeper', () => {
  it.each([
    ['1', 0, false],
    ['[]', 0, true],
    ['[]', 1, false],
    ['[[],{}]', 2, false],
    ['[{"a":[]}]', 2, true],
    ['[{"a":[]}]', 3, false],
    ['["[[[[", "\\"[[[[", "\\\\"]', 1, false],
    ['["\\\\", [[]]]', 2, true],
    ['['.repeat(100_000), 32, true],
  ])('says of %.40s and a depth of %i: %s', (json, maxDepth, expected) => {
    expect(isNestedDeeper(json, maxDepth)).toBe(expected);
  });
});
