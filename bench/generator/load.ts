import { sharedNow } from '../clock.js';
import { ID_BYTES, type LoadPlan, type LoadResult } from '../wire.js';
import { AcceptedLog } from './accepted-log.js';
import { renderRequest } from './event-request.js';
import { type HttpAnswer, HttpConnection } from './http-connection.js';
import { indexPicker } from './tenant-picker.js';

const ID_FIELD = '"id":"';

/**
 * Sends events until the time is up and waits for the answers to all of them.
 *
 * With a rate, each event has its moment, and its time counts from that moment even where no connection was free: a slow
 * answer is seen by all who would have come meanwhile (no coordinated omission). Without one, each connection sends again
 * as soon as it has its answer, as long as there are fewer deliveries under way than the plan allows.
 */
export class Load {
  private readonly log = new AcceptedLog();
  private readonly refused: Record<string, number> = {};
  private readonly pick: () => number;
  private readonly free: HttpConnection[] = [];
  private readonly connections: HttpConnection[];
  private startedAt = 0;
  private sent = 0;
  private refusals = 0;
  private delivered = 0;
  private ended = false;
  private finish: ((result: LoadResult) => void) | undefined;
  private ticker: NodeJS.Timeout | undefined;

  constructor(private readonly plan: LoadPlan) {
    this.pick = indexPicker(plan.templates.length, plan.weights);
    this.connections = Array.from(
      { length: plan.connections },
      (_connection, n) => new HttpConnection(plan.host, plan.ports[n % plan.ports.length] ?? 0),
    );
    this.free.push(...this.connections);
  }

  get accepted(): number {
    return this.log.count;
  }

  run(): Promise<LoadResult> {
    return new Promise((resolve) => {
      this.finish = resolve;
      this.startedAt = sharedNow();
      setTimeout(() => this.end(), this.plan.seconds * 1_000);
      // A millisecond is as fine as timers go; what a tick is late counts as waiting, so nothing is flattered.
      if (this.plan.ratePerSecond !== undefined) this.ticker = setInterval(() => this.sendDue(), 1);
      this.pump();
    });
  }

  /** @param count deliveries that have arrived so far */
  noteDelivered(count: number): void {
    this.delivered = count;
    this.pump();
  }

  /** Sends nothing more; `run` answers when what is on its way has come back. */
  private end(): void {
    // What was due by now is sent: those that waited for a connection longest must not fall under the table.
    this.sendDue();
    this.ended = true;
    clearInterval(this.ticker);
    this.finishWhenIdle();
  }

  private pump(): void {
    if (this.plan.ratePerSecond !== undefined) {
      this.sendDue();
      return;
    }
    while (!this.ended && this.free.length > 0 && this.hasRoom()) this.sendOne(sharedNow());
  }

  private hasRoom(): boolean {
    const { outstanding, fanOut } = this.plan;
    return outstanding === undefined || (this.sent - this.refusals) * fanOut - this.delivered < outstanding;
  }

  private sendDue(): void {
    const { ratePerSecond, seconds } = this.plan;
    if (ratePerSecond === undefined) return;
    const now = sharedNow();
    const lastDue = Math.min(((now - this.startedAt) / 1_000) * ratePerSecond, seconds * ratePerSecond - 1);
    while (this.free.length > 0 && this.sent <= lastDue) {
      this.sendOne(this.startedAt + (this.sent / ratePerSecond) * 1_000);
    }
  }

  private sendOne(sentAt: number): void {
    const connection = this.free.pop();
    const tenant = this.pick();
    const template = this.plan.templates[tenant];
    if (connection === undefined || template === undefined) return;
    const text = renderRequest(template, this.sent);
    this.sent += 1;
    connection.send(text, (answer) => {
      this.note(answer, tenant, sentAt);
      this.free.push(connection);
      if (this.ended) this.finishWhenIdle();
      else this.pump();
    });
  }

  private note({ status, body }: HttpAnswer, tenant: number, sentAt: number): void {
    const idStart = body.indexOf(ID_FIELD) + ID_FIELD.length;
    if (status === 202) {
      this.log.add(body.slice(idStart, idStart + ID_BYTES), tenant, sentAt, sharedNow());
      return;
    }
    this.refusals += 1;
    this.refused[status] = (this.refused[status] ?? 0) + 1;
  }

  private finishWhenIdle(): void {
    // At a fixed rate everything that was due is sent, however late; else a stall would take its own evidence away.
    const { ratePerSecond } = this.plan;
    if (ratePerSecond !== undefined && this.free.length > 0) this.sendDue();
    if (this.free.length < this.connections.length) return;
    for (const connection of this.connections) connection.close();
    const accepted = this.log.events();
    this.finish?.({ accepted, startedAt: this.startedAt, endedAt: sharedNow(), refused: this.refused });
    this.finish = undefined;
  }
}
