import fc from 'fast-check';
import { request as httpRequest } from 'node:http';

export interface FuzzRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}
export interface FuzzAnswer {
  status: number;
  contentType: string;
  text: string;
}

/** node:http, as fetch refuses much of what is to be tried. Null where it can't be sent even so (a header with a line feed). */
export function send(origin: string, { method, path, headers, body }: FuzzRequest): Promise<FuzzAnswer | null> {
  return new Promise((resolve, reject) => {
    try {
      const outgoing = httpRequest(`${origin}/`, {
        method,
        path,
        headers: { ...headers, 'content-length': body.length },
      });
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        const contentType = incoming.headers['content-type'] ?? '';
        const answered = (): void =>
          resolve({ status: incoming.statusCode ?? 0, contentType, text: Buffer.concat(chunks).toString() });
        incoming.on('end', answered);
        // A stream goes on for ever; its first bytes are its answer.
        if (contentType === 'text/event-stream') {
          incoming.once('data', () => {
            answered();
            outgoing.destroy();
          });
        }
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    } catch {
      resolve(null);
    }
  });
}

export const wellFormed = (text: string): string => Buffer.from(text).toString();
const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '');

/** Values that have tripped parsers and databases before. */
export const oddText = fc.constantFrom(
  ...['\0', '\ud800', '__proto__', 'constructor', '', ' ', '٣', '1e999', "' OR 1=1 --", '../../etc/passwd', '%00'],
  ...['null', '-1', '0x10', 'NaN', '2026-02-30T00:00:00Z', '+275760-09-13T00:00:00.001Z'],
);
const odd = fc.oneof(
  oddText,
  fc.constantFrom<unknown>(
    ...[null, true, -0, 1e308, 2 ** 53, -1, 0.1, [], {}, [[]], { then: 1 }, { toString: 1 }, { length: -1 }],
  ),
);
const value = fc.oneof(odd, fc.jsonValue({ maxDepth: 4 }), fc.string({ unit: 'binary' }), fc.double());

/** A good body with some fields replaced by anything, some taken away, and some more of any name. */
const bent = (good: Record<string, unknown>): fc.Arbitrary<Buffer> =>
  fc
    .record({
      changed: fc.dictionary(fc.constantFrom(...Object.keys(good)), value, { maxKeys: 3 }),
      dropped: fc.subarray(Object.keys(good), { maxLength: Math.min(2, Object.keys(good).length) }),
      added: fc.dictionary(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor')),
        value,
        {
          maxKeys: 2,
        },
      ),
    })
    .map(({ changed, dropped, added }) => {
      const entries = Object.entries({ ...good, ...changed }).filter(([name]) => !dropped.includes(name));
      // Put together as text: an object would lose `__proto__`.
      const fields = [...entries, ...Object.entries(added)].map(
        ([name, content]) => `${JSON.stringify(name)}:${JSON.stringify(content) ?? 'null'}`,
      );
      return Buffer.from(`{${fields.join()}}`);
    });

/** A good body's bytes, some of them changed, cut off or doubled. */
const broken = (good: Record<string, unknown>): fc.Arbitrary<Buffer> =>
  fc
    .record({
      at: fc.nat({ max: bytesOf(good).length - 1 }),
      byte: fc.nat({ max: 255 }),
      end: fc.option(fc.nat({ max: bytesOf(good).length }), { freq: 3 }),
    })
    .map(({ at, byte, end }) => {
      const bytes = bytesOf(good);
      bytes[at] = byte;
      return end === null ? bytes : bytes.subarray(0, end);
    });

const deep = fc
  .record({ depth: fc.constantFrom(10, 33, 1_000, 20_000), open: fc.constantFrom('[', '{"a":') })
  .map(({ depth, open }) => Buffer.from(`{"payload":${open.repeat(depth)}`));

export const bodyFor = (good: Record<string, unknown>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(bytesOf(good)) },
    { weight: 5, arbitrary: bent(good) },
    { weight: 2, arbitrary: broken(good) },
    { weight: 2, arbitrary: value.map(bytesOf) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: deep },
  );

const FORM_TYPE = 'application/x-www-form-urlencoded';

/** A form whose fields are good, or anything, or there twice; or whatever else has its content type. */
export const formFor = (good: Record<string, string>): fc.Arbitrary<Buffer> => {
  const name = fc.oneof(fc.constantFrom(...Object.keys(good), '__proto__'), fc.string({ unit: 'binary' }));
  const pairs = fc.array(fc.tuple(name, fc.oneof(oddText, fc.string({ unit: 'binary' }))), { maxLength: 3 });
  const whole = fc
    .tuple(fc.subarray(Object.keys(good)), pairs)
    .map(([kept, more]) => new URLSearchParams([...kept.map((key) => [key, good[key] ?? '']), ...more].map(asPair)));
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(Buffer.from(String(new URLSearchParams(good)))) },
    { weight: 5, arbitrary: whole.map((form) => Buffer.from(String(form))) },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.constant(Buffer.from('a=1&'.repeat(5_000))) },
  );
};
const asPair = ([name = '', text = '']: readonly string[]): [string, string] => [wellFormed(name), wellFormed(text)];

export const contentType = fc.oneof(
  { weight: 6, arbitrary: fc.constant('application/json') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...['application/json; charset=utf-16', 'application/json;charset=;;', 'APPLICATION/JSON', 'text/plain', '', ';'],
      ...['multipart/form-data', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', '*/*'],
      ...['application/problem+json', 'application/json, text/html', '__proto__', 'application/'],
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 40 }) },
);

export const formType = fc.oneof(
  { weight: 6, arbitrary: fc.constant(FORM_TYPE) },
  { weight: 1, arbitrary: contentType },
);

export const headers = fc
  .record(
    {
      'idempotency-key': fc.oneof(oddText, fc.string({ maxLength: 300 })),
      traceparent: fc.oneof(fc.string({ maxLength: 60 }), fc.constant(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-ff`)),
      'x-request-id': fc.string({ maxLength: 200 }),
      'x-tenant-id': fc.oneof(fc.uuid(), oddText),
      'x-forwarded-for': fc.oneof(fc.ipV4(), fc.string({ maxLength: 40 })),
      accept: fc.string({ maxLength: 40 }),
      'content-encoding': fc.constantFrom('gzip', 'br', 'x'),
    },
    { requiredKeys: [] },
  )
  .map((given) =>
    Object.fromEntries(Object.entries(given).filter(([, text]) => /^[\t\x20-\x7e\x80-\xff]*$/.test(text))),
  );

const id = fc
  .oneof(fc.uuid(), fc.uuid({ version: 7 }), oddText, fc.string({ unit: 'binary', maxLength: 60 }))
  .map((text) => encodeURIComponent(wellFormed(text)));
/** Also what is no escape at all. */
export const rawId = fc.oneof(
  { weight: 5, arbitrary: id },
  { weight: 1, arbitrary: fc.constantFrom('%', '%zz', '%ff', '%00', '..') },
);
