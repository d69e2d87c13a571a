import fc from 'fast-check';

import { contentHash } from './content-hash.js';

type Content = Parameters<typeof contentHash>[0];

const ids = fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 4 });
const text = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('', '-', '1:a,', 'a,1:b', ':', ','));
const content: fc.Arbitrary<Content> = fc.record({
  eventType: text,
  source: fc.option(text),
  payload: text,
  endpointIds: fc.option(ids),
});

describe('the content hash', () => {
  const base: Content = { eventType: 'order.created', source: null, payload: '{"a":1}', endpointIds: null };

  it('is 32 bytes and the same for the same content', () => {
    expect(contentHash(base)).toHaveLength(32);
    expect(contentHash({ ...base })).toEqual(contentHash(base));
  });

  it('tells payloads apart that differ only in how they are written', () => {
    expect(contentHash({ ...base, payload: '{"a": 1}' })).not.toEqual(contentHash(base));
    expect(contentHash({ ...base, payload: '{"a":1.0}' })).not.toEqual(contentHash(base));
  });

  it('takes endpoint ids as a set', () => {
    const forward = contentHash({ ...base, endpointIds: ['a', 'b'] });
    expect(contentHash({ ...base, endpointIds: ['b', 'a', 'b'] })).toEqual(forward);
    expect(contentHash({ ...base, endpointIds: ['a'] })).not.toEqual(forward);
    expect(contentHash(base)).not.toEqual(forward);
  });

  it('tells an absent source from an empty one', () => {
    expect(contentHash({ ...base, source: '' })).not.toEqual(contentHash(base));
  });

  it('differs whenever the content differs, wherever the parts meet', () => {
    const normal = (value: Content): unknown => ({
      ...value,
      endpointIds: value.endpointIds && [...value.endpointIds].sort(),
    });
    fc.assert(
      fc.property(content, content, (one, other) => {
        const same = JSON.stringify(normal(one)) === JSON.stringify(normal(other));
        expect(contentHash(one).equals(contentHash(other))).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['', ',', ':', '-', '1:', ',1:', ' '])(
    'differs when %j moves from the end of one part to the next',
    (text) => {
      const left = contentHash({ ...base, source: `a${text}b`, payload: 'c' });
      expect(contentHash({ ...base, source: 'a', payload: `b${text}c` })).not.toEqual(left);
    },
  );
});
