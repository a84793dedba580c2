import type { HealthSettings } from '../../lib/platform/health.ts';
import type { ProcessClock } from '../lease/process-clock.ts';
import type { Symptom } from './illnesses.ts';

/** How a slot's candidates are checked. */
export interface CheckupSetting {
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly threshold: number;
}

/** The health check of one call, and what it has found. */
export class Checkup {
  readonly setting: CheckupSetting;
  readonly #clock: ProcessClock;
  readonly #symptom: () => Symptom | undefined;
  /** In a row. */
  failures = 0;
  /** When it last passed or failed, by the clock of its process. */
  lastMs = Number.NEGATIVE_INFINITY;

  constructor(setting: CheckupSetting, clock: ProcessClock, symptom: () => Symptom | undefined) {
    this.setting = setting;
    this.#clock = clock;
    this.#symptom = symptom;
  }

  get options(): HealthSettings {
    const { periodMs, timeoutMs, threshold } = this.setting;
    return {
      healthy: (signal) => this.#check(signal),
      healthyPeriodMs: periodMs,
      healthyTimeoutMs: timeoutMs,
      healthyFailureThreshold: threshold,
    };
  }

  /** Whether a candidate may act on it; what it finds at this very instant may be too late. */
  get allows(): boolean {
    const { periodMs, timeoutMs } = this.setting;
    const agoMs = this.#clock.now() - this.lastMs;
    if (agoMs === 0) return true;
    return this.failures === 0 && agoMs <= 2 * (periodMs + timeoutMs);
  }

  get hasReachedThreshold(): boolean {
    return this.failures >= this.setting.threshold;
  }

  #check(signal: AbortSignal): boolean | Promise<boolean> {
    const symptom = this.#symptom();
    if (symptom === 'never answers') {
      const begunMs = this.#clock.now();
      const limitMs = this.setting.timeoutMs - 1;
      signal.addEventListener('abort', () => {
        // Before that, the call has ended.
        if (this.#clock.now() - begunMs >= limitMs) this.#note(false);
      });
      return new Promise(() => undefined);
    }
    this.#note(symptom === undefined);
    if (symptom === 'throws') throw new Error('it is ill');
    return symptom === undefined;
  }

  #note(hasPassed: boolean): void {
    this.failures = hasPassed ? 0 : this.failures + 1;
    this.lastMs = this.#clock.now();
  }
}
