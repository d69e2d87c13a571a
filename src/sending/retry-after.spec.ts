import { parseHttpDate, parseRetryAfter } from './retry-after.js';

const NOW_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    [' 120 ', 120],
    ['3600', 3600],
    ['3601', 3600],
    ['1000000000', 3600],
    ['9'.repeat(400), 3600],
    ['007', 7],
  ])('reads %j as seconds, an hour at most', (value, seconds) => {
    expect(parseRetryAfter(value, NOW_MS)).toBe(seconds);
  });

  it.each([
    ['Sun, 06 Nov 1994 08:50:37 GMT', 60],
    ['Sunday, 06-Nov-94 08:50:37 GMT', 60],
    ['Sun Nov  6 08:50:37 1994', 60],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0],
    ['Sun, 06 Nov 1994 08:00:00 GMT', 0],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 3600],
  ])('reads the date %j, the past as 0', (value, seconds) => {
    expect(parseRetryAfter(value, NOW_MS)).toBe(seconds);
  });

  it.each([
    [undefined],
    [''],
    ['-1'],
    ['-120'],
    ['1e9'],
    ['1.5'],
    ['+5'],
    ['0x10'],
    ['soon'],
    ['5 bananas'],
    ['1994-11-06'],
    ['2147483648s'],
    ['Infinity'],
    ['NaN'],
    ['60, 120'],
    ['Sun, 99 Nov 1994 99:99:99 GMT'],
    ['Sun, 06 Nov 1994 08:50:37 +0100'],
  ])('can not read %j', (value) => {
    expect(parseRetryAfter(value, NOW_MS)).toBeNull();
  });

  it('reads the asctime form as UTC, whatever the zone of the machine', () => {
    expect(parseHttpDate('Sun Nov  6 08:49:37 1994')).toBe(NOW_MS);
  });
});
