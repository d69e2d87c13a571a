import fc from 'fast-check';

import { elementSpans, topLevelMembers } from './json-spans.js';

interface WrittenString {
  readonly text: string;
  readonly value: string;
}

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });

/** A JSON string literal that escapes some characters which need no escape, as other serialisers do. */
function stringLiteral(value: string, escapeAt: (index: number) => boolean): string {
  const plain = JSON.stringify(value);
  if (plain.includes('\\')) return plain;
  const units = [...Array(value.length).keys()].map((index) =>
    escapeAt(index) ? `\\u${value.charCodeAt(index).toString(16).padStart(4, '0')}` : value.charAt(index),
  );
  // Half of a surrogate pair can't be escaped without the other, so such a text is left as it is.
  const literal = `"${units.join('')}"`;
  return /\p{Cs}/u.test(literal) ? plain : literal;
}

const writtenString: fc.Arbitrary<WrittenString> = fc
  .tuple(
    fc.oneof(
      fc.string(),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('\\', '"', '\\"', '{"', ']', '\\\\"', '__proto__'),
    ),
    fc.nat(),
  )
  .map(([value, mask]) => ({ value, text: stringLiteral(value, (index) => ((mask >> (index % 16)) & 1) === 1) }));

// Texts alone: what they mean to JavaScript is not asked, as Node 24's JSON.parse reads some escaped keys wrong (nodejs/node#63785).
const { anyValue } = fc.letrec<{ anyValue: string; array: string; object: string }>((tie) => ({
  anyValue: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false'),
    fc.constantFrom('0', '-0', '1.0', '1e2', '1E+2', '-1.50e-3', '12345678901234567890', '0.1'),
    writtenString.map(({ text }) => text),
    tie('array'),
    tie('object'),
  ),
  array: fc
    .array(fc.tuple(space, tie('anyValue'), space), { maxLength: 5 })
    .map((items) => `[${items.map(([before, item, after]) => before + item + after).join(',') || ' '}]`),
  object: fc
    .uniqueArray(fc.tuple(space, writtenString, space, space, tie('anyValue'), space), {
      maxLength: 5,
      selector: ([, key]) => key.value,
    })
    .map((members) => `{${members.map(([a, key, b, c, item, d]) => `${a}${key.text}${b}:${c}${item}${d}`).join(',')}}`),
}));

const texts = (text: string, spans: Iterable<{ start: number; end: number }>): string[] =>
  [...spans].map(({ start, end }) => text.slice(start, end));

describe('the members of a JSON object', () => {
  it('come back byte for byte, whatever the values, the white space and the escapes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(space, writtenString, space, space, anyValue, space), { maxLength: 6 }),
        space,
        space,
        (members, before, after) => {
          const inner = members.map(([a, key, b, c, item, d]) => `${a}${key.text}${b}:${c}${item}${d}`);
          const text = `${before}{${inner.join(',')}}${after}`;
          JSON.parse(text);
          const found = [...topLevelMembers(text)];
          expect(found.map((member) => member.key)).toEqual(members.map(([, key]) => key.value));
          expect(texts(text, found)).toEqual(members.map(([, , , , item]) => item));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('are found when there are none', () => {
    expect([...topLevelMembers('{}')]).toEqual([]);
    expect([...topLevelMembers(' \n{ \t}\r\n')]).toEqual([]);
  });

  it('include repeated keys and keys that mean something to JavaScript', () => {
    const text = '{"a":1,"__proto__":{"x":1},"a":2,"constructor":3,"":4}';
    expect([...topLevelMembers(text)].map((member) => member.key)).toEqual(['a', '__proto__', 'a', 'constructor', '']);
  });

  it('have their keys decoded', () => {
    const text = String.raw`{"p\u0061yload":1,"\"}":2,"\\":3}`;
    expect([...topLevelMembers(text)].map((member) => member.key)).toEqual(['payload', '"}', '\\']);
  });

  it('do not end at a quote behind an even number of backslashes plus one', () => {
    const text = String.raw`{"a":"\\","b":"\\\"","c":"\\\\\\\"}"}`;
    expect(texts(text, topLevelMembers(text))).toEqual([String.raw`"\\"`, String.raw`"\\\""`, String.raw`"\\\\\\\"}"`]);
  });

  it('can be read from the middle of a text', () => {
    const text = '[1, {"a": 2 }, 3]';
    expect(texts(text, topLevelMembers(text, 4))).toEqual(['2']);
  });

  it('are not sought in a text that is no object or breaks off', () => {
    for (const text of ['[]', '1', '', '{"a', '{"a":', '{"a":[1', '{"a":1']) {
      expect(() => [...topLevelMembers(text)]).toThrow(RangeError);
    }
  });
});

describe('the elements of a JSON array', () => {
  it('come back byte for byte, whatever the values and the white space', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(space, anyValue, space), { maxLength: 6 }), space, (items, before) => {
        const text = `${before}[${items.map(([a, item, b]) => a + item + b).join(',')}]`;
        expect(texts(text, [...elementSpans(text)])).toEqual(items.map(([, item]) => item));
      }),
      { numRuns: 300 },
    );
  });

  it('are not sought in what is no array', () => {
    expect(() => [...elementSpans('{"a":1}')]).toThrow(RangeError);
    expect(() => [...elementSpans('[1')]).toThrow(RangeError);
  });
});

describe('hostile texts', () => {
  it('may nest a hundred thousand deep', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const mixed = '{"a":['.repeat(50_000) + ']}'.repeat(50_000);
    const text = `{"deep":${deep},"mixed":${mixed}}`;
    expect(texts(text, topLevelMembers(text))).toEqual([deep, mixed]);
  });

  it('may hold a million backslashes and quotes without taking quadratic time', () => {
    const strings = [`"${'\\\\'.repeat(1_000_000)}"`, `"${'\\"'.repeat(1_000_000)}"`];
    const text = `[${strings.join(',')}]`;
    // In quadratic time these are half a trillion steps, for which a test is not given the time.
    expect(texts(text, [...elementSpans(text)]).map((found) => found.length)).toEqual([2_000_002, 2_000_002]);
  });
});
