import { alignColumns, paletteFor } from './terminal.js';

describe('what the demo prints', () => {
  it('is coloured on a terminal only, and not where NO_COLOR is set', () => {
    expect(paletteFor(true, undefined).good('ok')).toBe('\x1b[32mok\x1b[0m');
    expect(paletteFor(true, '').good('ok')).toBe('\x1b[32mok\x1b[0m');
    expect(paletteFor(true, '1').good('ok')).toBe('ok');
    expect(paletteFor(false, undefined).good('ok')).toBe('ok');
  });

  it('has aligned columns and no spaces at the ends of lines', () => {
    expect(alignColumns([['endpoint', 'status'], ['/ok', 'succeeded'], ['/a']])).toEqual([
      'endpoint  status',
      '/ok       succeeded',
      '/a',
    ]);
  });
});
