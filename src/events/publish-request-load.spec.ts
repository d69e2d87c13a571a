import { Turn } from '../common/turn.js';
import { MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH, parseBatchRequest } from './publish-request.js';

const withPayload = (payload: string): string => `{"event_type":"order.created","payload":${payload}}`;

interface Work {
  /** Characters but white space that JSON.parse read between two offers to give way: the most of all. */
  mostParsed: number;
  deepestParsed: number;
}

/**
 * What the parser does without offering others their turn. Counted, not timed: a batch of 10 MiB that is parsed as a whole
 * keeps everybody for up to 2 s, event by event for at most 60 ms, and most of those decode UTF-8 (measured).
 */
async function workOf(body: Buffer): Promise<Work> {
  const work: Work = { mostParsed: 0, deepestParsed: 0 };
  let parsed = 0;
  const parse = JSON.parse;
  const parses = jest.spyOn(JSON, 'parse').mockImplementation((text: string) => {
    parsed += text.replaceAll(/\s+/g, '').length;
    work.mostParsed = Math.max(work.mostParsed, parsed);
    work.deepestParsed = Math.max(work.deepestParsed, depthOf(text));
    return parse(text) as unknown;
  });
  const offers = jest.spyOn(Turn.prototype, 'yieldIfLong').mockImplementation(() => void (parsed = 0));
  try {
    await parseBatchRequest(body);
  } finally {
    parses.mockRestore();
    offers.mockRestore();
  }
  return work;
}

/** Of brackets, those in strings too: never less than the depth of the JSON. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const bracket of text.match(/[[\]{}]/g) ?? []) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

describe('a batch of 10 MiB', () => {
  const fill = (piece: string, size = 10 * 1024 * 1024): string => piece.repeat(Math.floor(size / piece.length));
  const unique = (member: (name: string) => string, size: number): string => {
    const members: string[] = [];
    for (let length = 0; length < size; length += members.at(-1)?.length ?? 0) {
      members.push(member(members.length.toString(36)));
    }
    return members.join();
  };
  const events = (payload: string): string => fill(`${withPayload(payload)},`).slice(0, -1);
  const KIB_250 = 250 * 1024;

  it.each([
    ['one deep array', withPayload(fill('['))],
    ['many deep arrays', events(`${'['.repeat(125 * 1024)}${']'.repeat(125 * 1024)}`)],
    ['arrays as deep as allowed', events(`[${fill(`${'['.repeat(511)}${']'.repeat(511)},`, KIB_250).slice(0, -1)}]`)],
    ['millions of elements', withPayload(`[${fill('[],')}0]`)],
    ['millions of tiny keys in one object', withPayload(`{${unique((name) => `"${name}":1`, 10_000_000)}}`)],
    ['tiny keys in many events', events(`{${unique((name) => `"${name}":1`, KIB_250)}}`)],
    ['objects of ever new shapes', events(`[${unique((name) => `{"a${name}":{},"b${name}":[]}`, KIB_250)}]`)],
    ['many unknown fields', `{${unique((name) => `"${name}":1`, 10_000_000)}}`],
    ['one long string', withPayload(`"${fill('x')}"`)],
    ['a string of escapes', withPayload(`"${fill('\\"')}"`)],
    ['letters of two bytes', events(`"${fill('é', 125 * 1024)}"`)],
    ['a thousand events', fill(`${withPayload(`"${'x'.repeat(10_000)}"`)},`).slice(0, -1)],
    ['white space', fill(' ')],
    ['an array that ends the events', ']'.concat(fill('['))],
  ])('never has more parsed at once than an event may hold: %s', async (_name, content) => {
    const { mostParsed, deepestParsed } = await workOf(Buffer.from(`{"events":[${content}]}`));
    // One that is refused may be read once more, to say whether it is JSON at all.
    expect(mostParsed).toBeLessThanOrEqual(2 * (MAX_PAYLOAD_BYTES + 1_024));
    expect(deepestParsed).toBeLessThanOrEqual(MAX_PAYLOAD_DEPTH + 1);
  });

  it('gives way at the latest after an event', async () => {
    const offers = jest.spyOn(Turn.prototype, 'yieldIfLong');
    const body = `{"events":[${Array<string>(1_000).fill(withPayload('1')).join()}]}`;
    expect(await parseBatchRequest(Buffer.from(body))).toMatchObject({ ok: true });
    expect(offers.mock.calls.length).toBeGreaterThanOrEqual(1_000);
    offers.mockRestore();
  });
});
