import fc from 'fast-check';

import { MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH, parseBatchRequest, parsePublishRequest } from './publish-request.js';
import type { ParsedBatch, ParsedPublish, PublishEvent, PublishProblem } from './publish-request.js';

const ENDPOINT_A = '01890a5d-ac96-774b-bcce-b302099a8057';
const ENDPOINT_B = '01890a5d-ac96-774b-bcce-b302099a8058';

const publish = (body: string | Buffer): ParsedPublish => parsePublishRequest(Buffer.from(body as string));

function accepted(body: string): PublishEvent {
  const result = publish(body);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.problem)}`);
  return result.event;
}

function refused(body: string | Buffer): PublishProblem {
  const result = publish(body);
  if (result.ok) throw new Error(`accepted: ${JSON.stringify(result.event)}`);
  return result.problem;
}

/** The fields that are found wrong when these members stand beside a valid type and payload. */
function wrongFields(members: object): string[] {
  const problem = refused(JSON.stringify({ event_type: 'order.created', payload: 1, ...members }));
  expect(problem).toMatchObject({ code: 'validation_failed', status: 422 });
  return (problem.errors ?? []).map((error) => error.field);
}

const withPayload = (payload: string): string => `{"event_type":"order.created","payload":${payload}}`;

describe('a payload', () => {
  it.each([
    '12345678901234567890',
    '1.0',
    '1e2',
    '-0',
    'null',
    'false',
    '""',
    '"\\u00e9"',
    '"é"',
    '"\\ud800"',
    '"\\u0000"',
    '{"b":1,  "a" :\n\t[ 1 ,2 ] }',
    '{"2":"b","1":"a"}',
    '{"a":1,"a":2}',
    '{"__proto__":{"admin":true},"constructor":{"prototype":1}}',
    '[{"payload":"}"},"]"]',
  ])('arrives as it was written: %s', (payload) => {
    expect(accepted(withPayload(payload)).payload).toBe(payload);
    expect(accepted(`{"payload" :\r\n ${payload}\t , "event_type":"order.created"}`).payload).toBe(payload);
  });

  it('arrives byte for byte whatever JSON value it is and however it is indented', async () => {
    const indent = fc.constantFrom('', ' ', '\t', '\n  ');
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ stringUnit: 'grapheme' }), indent, indent, async (value, inner, outer) => {
        const payload = JSON.stringify(value, null, inner);
        const batch = `{${outer}"events":[${outer}${withPayload(outer + payload + outer)}${outer}]}`;
        const single = accepted(withPayload(outer + payload + outer));
        expect(single.payload).toBe(payload);
        expect(await parseBatchRequest(Buffer.from(batch))).toEqual({ ok: true, items: [{ ok: true, event: single }] });
      }),
    );
  });

  it('is found under an escaped key', () => {
    expect(accepted('{"event_type":"a","p\\u0061yload":1.50}').payload).toBe('1.50');
  });

  it('may be exactly 256 KiB of UTF-8 and not a byte more', () => {
    const largest = `"${'é'.repeat((MAX_PAYLOAD_BYTES - 2) / 2)}"`;
    expect(accepted(withPayload(largest)).payload).toBe(largest);
    expect(refused(withPayload(`"a${largest.slice(1)}`))).toMatchObject({ code: 'payload_too_large', status: 413 });
  });

  it('may nest 512 levels deep and not one more', () => {
    const nested = (levels: number): string => '[{"a":'.repeat(levels / 2) + '1' + '}]'.repeat(levels / 2);
    const deepest = nested(MAX_PAYLOAD_DEPTH);
    expect(accepted(withPayload(deepest)).payload).toBe(deepest);
    for (const deeper of [`[${deepest}]`, '['.repeat(100_000) + ']'.repeat(100_000), '['.repeat(100_000)]) {
      const problem = refused(withPayload(deeper));
      expect(problem).toMatchObject({ code: deeper.endsWith(']') ? 'validation_failed' : 'malformed_json' });
    }
    const brackets = `"${'['.repeat(10_000)}"`;
    expect(accepted(withPayload(brackets)).payload).toBe(brackets);
  });
});

describe('an event', () => {
  it('is read with all its fields', () => {
    const event = accepted(
      JSON.stringify({
        event_id: 'order-17 ✓',
        event_type: 'order.created',
        source: 'shop',
        payload: {},
        endpoint_ids: [ENDPOINT_A.toUpperCase(), ENDPOINT_B, ENDPOINT_A],
      }),
    );
    expect(event).toEqual({
      eventId: 'order-17 ✓',
      eventType: 'order.created',
      source: 'shop',
      payload: '{}',
      endpointIds: [ENDPOINT_A, ENDPOINT_B],
    });
  });

  it('needs only a type and a payload, and takes null for what it lacks', () => {
    const bare = { eventId: null, eventType: 'a', source: null, payload: 'null', endpointIds: null };
    expect(accepted('{"event_type":"a","payload":null}')).toEqual(bare);
    expect(accepted('{"event_type":"a","payload":null,"event_id":null,"source":null,"endpoint_ids":null}')).toEqual(
      bare,
    );
  });

  it('is refused with every field that is wrong', () => {
    const problem = refused('{"event_id":7,"source":"","endpoint_ids":[],"typo":1}');
    expect(problem).toMatchObject({ code: 'validation_failed', status: 422 });
    const fields = (problem.errors ?? []).map((error) => error.field).sort();
    expect(fields).toEqual(['endpoint_ids', 'event_id', 'event_type', 'payload', 'source', 'typo']);
  });

  it.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'a-b', 'é', 'a\n', '*', 'a.*', 'a'.repeat(256), 7, null, ['a']])(
    'is refused with the type %j',
    (eventType) => {
      expect(wrongFields({ event_type: eventType })).toEqual(['event_type']);
    },
  );

  it.each(['posthaste.endpoint.disabled', 'posthaste.x'])('is refused with the reserved type %s', (eventType) => {
    expect(wrongFields({ event_type: eventType })).toEqual(['event_type']);
  });

  it('may have a type that only resembles a reserved one', () => {
    for (const type of ['posthaste', 'posthastex.a', 'my.posthaste.a']) {
      expect(accepted(`{"event_type":"${type}","payload":1}`).eventType).toBe(type);
    }
  });

  it.each([
    '',
    '\u0000',
    'a\nb',
    '\u007f',
    '\u0085',
    '\u2028',
    '\ud800',
    'x'.repeat(256),
    '😀'.repeat(256),
    7,
    {},
    true,
  ])('is refused with the event_id or the source %j', (text) => {
    expect(wrongFields({ event_id: text })).toEqual(['event_id']);
    expect(wrongFields({ source: text })).toEqual(['source']);
  });

  it('counts characters and not UTF-16 units', () => {
    const longest = '😀'.repeat(255);
    expect(accepted(JSON.stringify({ event_type: 'a', payload: 1, event_id: longest })).eventId).toBe(longest);
  });

  it.each([
    [[]],
    [['x']],
    [[7]],
    [[null]],
    ['x'],
    [{}],
    [[ENDPOINT_A, `${ENDPOINT_A}0`]],
    [Array.from({ length: 101 }, () => ENDPOINT_A)],
  ])('is refused with the endpoint_ids %j', (endpointIds) => {
    expect(wrongFields({ endpoint_ids: endpointIds })).toEqual(['endpoint_ids']);
  });

  it.each(['__proto__', 'constructor', 'toString', 'Payload', 'events'])(
    'is refused with the unknown field %s',
    (name) => {
      const problem = refused(`{"event_type":"a","payload":1,"${name}":{}}`);
      expect(problem.errors).toEqual([{ field: name, message: 'is not a known field' }]);
    },
  );

  it('can not have its fields smuggled in through __proto__', () => {
    const problem = refused('{"payload":1,"__proto__":{"event_type":"a"}}');
    expect((problem.errors ?? []).map((error) => error.field)).toEqual(['__proto__', 'event_type']);
  });

  it('with a hundred thousand unknown fields gets a short answer', () => {
    const members = Array.from({ length: 100_000 }, (_, index) => `"${'x'.repeat(90)}${index}":1`);
    const problem = refused(`{${members.join(',')}}`);
    expect(problem.status).toBe(422);
    expect(JSON.stringify(problem).length).toBeLessThan(5_000);
  });
});

describe('a body', () => {
  it('is refused when it is no UTF-8, and the next one is read as ever', () => {
    const bytes = Buffer.concat([
      Buffer.from(withPayload('"')).subarray(0, -1),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]);
    expect(refused(bytes)).toMatchObject({ code: 'malformed_json', status: 400 });
    expect(refused(Buffer.from([0xed, 0xa0, 0x80]))).toMatchObject({ code: 'malformed_json', status: 400 });
    expect(accepted(withPayload('"é"')).payload).toBe('"é"');
  });

  it.each([
    '',
    ' ',
    '{',
    '{"a":1,}',
    "{'a':1}",
    '{"a":NaN}',
    '{"a":"\n"}',
    '{} {}',
    '['.repeat(512),
    `\ufeff${withPayload('1')}`,
  ])('is refused when it is malformed (case %#)', (body) => {
    expect(refused(body)).toMatchObject({ code: 'malformed_json', status: 400 });
  });

  it.each(['null', '1', '"a"', '[]', `[${withPayload('1')}]`])('is refused when it is no object: %s', (body) => {
    expect(refused(body)).toMatchObject({ code: 'validation_failed', status: 422 });
  });

  it.each([
    '{"event_type":"a","payload":1,"payload":1}',
    '{"event_type":"a","payload":1,"p\\u0061yload":2}',
    '{"event_type":"a","x":1,"payload":1,"x":1}',
  ])('is refused when a key is repeated: %s', (body) => {
    expect(refused(body)).toMatchObject({ code: 'repeated_key', status: 400 });
  });
});

describe('a batch', () => {
  const batch = (events: string): Promise<ParsedBatch> =>
    parseBatchRequest(Buffer.from(`{ "events" : [ ${events} ] }`));

  it('gives each event its own outcome, in order', async () => {
    const result = await batch(
      [
        withPayload('1.0'),
        '7',
        '{"event_type":"a","payload":1,"payload":2}',
        '{"event_type":"a","payload":1,"typo":2}',
        withPayload(`"${'x'.repeat(MAX_PAYLOAD_BYTES)}"`),
        withPayload('['.repeat(1_000) + ']'.repeat(1_000)),
        withPayload('{"payload": [1e2]}'),
      ].join(' ,\n'),
    );
    if (!result.ok) throw new Error(result.problem.detail);
    expect(result.items.map((item) => (item.ok ? item.event.payload : item.problem.code))).toEqual([
      '1.0',
      'validation_failed',
      'repeated_key',
      'validation_failed',
      'payload_too_large',
      'validation_failed',
      '{"payload": [1e2]}',
    ]);
  });

  it('takes a thousand events and not one more', async () => {
    const events = (count: number): string =>
      Array.from({ length: count }, (_, index) => withPayload(`${index}`)).join();
    const largest = await batch(events(1000));
    expect(largest.ok && largest.items.map((item) => item.ok && item.event.payload)).toEqual(
      Array.from({ length: 1000 }, (_, index) => `${index}`),
    );
    expect(await batch(events(1001))).toMatchObject({
      ok: false,
      problem: { status: 422, errors: [{ field: 'events' }] },
    });
  });

  it.each([
    ['{}', 422],
    ['{"events":null}', 422],
    ['{"events":{}}', 422],
    ['{"events":[]}', 422],
    ['[]', 422],
    ['null', 422],
    [`{"events":[${withPayload('1')}],"typo":1}`, 422],
    [`{"events":[${withPayload('1')}],"events":[]}`, 400],
    ['{"events":[', 400],
    ['', 400],
    [' {"events":[{}]} {}', 400],
    ['{"events":[{},]}', 400],
    ['{"events":[{}{}]}', 400],
    ['{"events":[1 2]}', 400],
    ['{"events":["a"1]}', 400],
    ['{"events":[{"payload":[1}]}]}', 400],
    ['{"events":[{"pay\\load":1}]}', 400],
    ['{"events" [{}]}', 400],
    [`{"events":{"a":${'['.repeat(100)}`, 400],
  ])('is refused as a whole: %s', async (body, status) => {
    expect(await parseBatchRequest(Buffer.from(body))).toMatchObject({ ok: false, problem: { status } });
  });

  it('is taken for JSON just when it is JSON, whatever is broken in it', async () => {
    const sound = `{"events": [{"event_type":"a","payload":{"a":["]",1.5e3]}}, ${withPayload('[{},null]')},7 ]}`;
    const piece = fc.constantFrom(...'{}[]",:\\ 0-e.atn'.split(''), '', '"a"', '{}', '[1]', ',,', '\\"');
    const edit = fc.record({ at: fc.nat(sound.length), cut: fc.nat(3), put: piece });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const text = edits.reduce((t, { at, cut, put }) => t.slice(0, at) + put + t.slice(at + cut), sound);
        const result = await parseBatchRequest(Buffer.from(text));
        if (isJson(text)) expect(result.ok || result.problem.code !== 'malformed_json').toBe(true);
        else expect(result.ok).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
