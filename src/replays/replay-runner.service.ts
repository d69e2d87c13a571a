import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { errorMessage } from '../common/error-message.js';
import { ReplayStepper } from './replay-stepper.service.js';

/** Between looks while replays are running; each is paced by itself. */
const BUSY_TICK_MS = 50;
const IDLE_TICK_MS = 500;
/** After the last chunk: as long as one that is only being paced needs, and a little more. */
const STAY_BUSY_MS = 2_000;
const REPORT_EVERY_MS = 10_000;

/** Runs replays for as long as the process lives, one chunk after the other. */
@Injectable()
export class ReplayRunner implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ReplayRunner.name);
  private timer: NodeJS.Timeout | null = null;
  private running: Promise<void> | null = null;
  private stopped = false;
  private lastStepAt = -Infinity;
  private lastReportAt = -Infinity;

  constructor(private readonly stepper: ReplayStepper) {}

  onApplicationBootstrap(): void {
    this.schedule(0);
  }

  /** A chunk that is under way is finished, in milliseconds; the rest is another worker's, or the next one's to start. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.running;
  }

  private schedule(delayMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.tick().finally(() => {
        this.running = null;
        this.schedule(performance.now() - this.lastStepAt < STAY_BUSY_MS ? BUSY_TICK_MS : IDLE_TICK_MS);
      });
    }, delayMs);
  }

  private async tick(): Promise<void> {
    try {
      while (!this.stopped && (await this.stepper.step())) this.lastStepAt = performance.now();
    } catch (error) {
      this.report(error);
    }
  }

  private report(error: unknown): void {
    const now = performance.now();
    if (now - this.lastReportAt < REPORT_EVERY_MS) return;
    this.lastReportAt = now;
    this.logger.warn(`Replays stand still; trying on: ${errorMessage(error)}`);
  }
}
