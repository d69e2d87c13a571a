import { withRawMember } from './raw-json.js';

describe('withRawMember', () => {
  it('leaves the member as it is written', () => {
    const payload = '{ "b":1.0, "a" : 12345678901234567890,"s":"\\u00e9" }';
    expect(withRawMember({ id: 'x' }, 'payload', payload)).toBe(`{"id":"x","payload":${payload}}`);
  });

  it('makes valid JSON of an object without other members', () => {
    expect(withRawMember({}, 'payload', 'null')).toBe('{"payload":null}');
  });
});
