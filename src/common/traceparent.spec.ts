import { traceparentFrom } from './traceparent.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const NEW = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00$/;

describe('traceparentFrom', () => {
  it.each([`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-00`])("carries the caller's own on: %s", (header) => {
    expect(traceparentFrom(header)).toBe(header);
  });

  it.each<[string, string | string[] | undefined]>([
    ['none', undefined],
    ['an empty one', ''],
    ['two of them', [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`]],
    ['a trace id of zeroes', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span id of zeroes', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper case, which the specification forbids', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['the forbidden version ff', `ff-${TRACE}-${SPAN}-01`],
    ['something after it', `00-${TRACE}-${SPAN}-01-x`],
    ['a line break after it', `00-${TRACE}-${SPAN}-01\n`],
  ])('makes a new one for %s', (_what, header) => {
    const made = traceparentFrom(header);
    expect(made).toMatch(NEW);
    expect(traceparentFrom(header)).not.toBe(made);
  });
});
