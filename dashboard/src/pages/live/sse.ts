export interface ServerSentEvent {
  id: string;
  type: string;
  data: string;
}

/** Cuts a stream of text into server-sent events, as the HTML standard has it. Chunks may end anywhere. */
export class EventParser {
  /** How long to wait before a reconnect, once the server has said so. */
  retryMs: number | undefined;
  private rest = '';
  private lastId = '';
  private type = '';
  private data: string[] = [];

  push(chunk: string): ServerSentEvent[] {
    const lines = (this.rest + chunk).split('\n');
    this.rest = lines.pop() ?? '';
    const events: ServerSentEvent[] = [];
    for (const line of lines) this.take(line.endsWith('\r') ? line.slice(0, -1) : line, events);
    return events;
  }

  private take(line: string, events: ServerSentEvent[]): void {
    if (line === '') {
      if (this.data.length > 0) {
        events.push({ id: this.lastId, type: this.type || 'message', data: this.data.join('\n') });
      }
      this.type = '';
      this.data = [];
      return;
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === 'data') this.data.push(value);
    else if (field === 'event') this.type = value;
    else if (field === 'id') this.lastId = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
  }
}
