import { EventParser } from './sse';

describe('server-sent events', () => {
  const text = 'retry: 2000\n\n: heartbeat\n\nid: 7\nevent: attempt\ndata: {"a":1,\ndata: "b":2}\n\ndata: x\r\n\r\n';
  const expected = [
    { id: '7', type: 'attempt', data: '{"a":1,\n"b":2}' },
    { id: '7', type: 'message', data: 'x' },
  ];

  it('are the same wherever the chunks end', () => {
    for (let size = 1; size <= text.length; size++) {
      const parser = new EventParser();
      const events = [];
      for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
      expect(events).toEqual(expected);
      expect(parser.retryMs).toBe(2_000);
    }
  });

  it('are not told before they are complete', () => {
    const parser = new EventParser();
    expect(parser.push('data: half\n')).toEqual([]);
    expect(parser.push('\n')).toHaveLength(1);
  });
});
