import { memberText, prettyJson } from './pretty';

describe('JSON for people', () => {
  it('is indented as JSON.stringify would', () => {
    const value = { a: [1, { b: 'x, {y}: "z" \\' }], empty: {}, none: [], nothing: null, text: 'Ünïcode' };
    expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
    expect(prettyJson(JSON.stringify(value, null, 7))).toBe(JSON.stringify(value, null, 2));
  });

  it('keeps numbers that JavaScript would round, and how strings were written', () => {
    expect(prettyJson('{"id":12345678901234567890,"at":1.50,"s":"\\u00e9"}')).toBe(
      '{\n  "id": 12345678901234567890,\n  "at": 1.50,\n  "s": "\\u00e9"\n}',
    );
  });

  it.each(['', '<html>', '{"a":1', 'OK'])('leaves %j as it is', (text) => {
    expect(prettyJson(text)).toBe(text);
  });
});

describe("a member's own text", () => {
  it('is as it was written, wherever its name occurs besides', () => {
    const json =
      '{"id":"payload","nested":{"payload":1},"payload": {"payload":[12345678901234567890, "},"]} ,"last":1.50}';
    expect(memberText(json, 'payload')).toBe('{"payload":[12345678901234567890, "},"]}');
    expect(memberText(json, 'last')).toBe('1.50');
    expect(memberText(json, 'none')).toBeNull();
    expect(memberText('{"payload":null}', 'payload')).toBe('null');
  });
});
