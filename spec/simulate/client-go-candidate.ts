import { ClientGoElector } from './client-go.ts';
import { LeaseProcess, type ElectorSlot } from './lease-process.ts';

/** How a slot of client-go is set up. */
export interface ClientGoSlot extends ElectorSlot {
  readonly kind: 'client-go';
  readonly requestTimeoutMs: number;
}

interface Run {
  readonly stop: AbortController;
  /** Of its work, if it leads. */
  work: AbortSignal | undefined;
  isOver: boolean;
}

/** A process that runs client-go's elector. */
export class ClientGoCandidate extends LeaseProcess {
  declare readonly setting: ClientGoSlot;
  readonly kind = 'client-go';
  readonly fencingToken = undefined;
  #run: Run | undefined;

  get isBusy(): boolean {
    return this.isAlive && this.#run?.isOver === false;
  }

  protected get calls(): number {
    return this.isBusy ? 1 : 0;
  }

  get mayLead(): boolean {
    return this.isBusy && this.leads;
  }

  /** Its work goes on until its context is done. */
  protected get leads(): boolean {
    return this.#run?.work?.aborted === false;
  }

  start(): void {
    if (!this.mayAsk || this.isBusy) return;
    const run: Run = { stop: new AbortController(), work: undefined, isOver: false };
    this.#run = run;
    this.world.tellAll({ type: 'asked', who: this });
    void this.#elect(run);
  }

  finish(): void {
    this.cancel();
  }

  cancel(): void {
    if (!this.isRunning || !this.isBusy || this.#run?.stop.signal.aborted) return;
    this.world.tellAll({ type: 'withdrew', who: this });
    this.#run?.stop.abort(new Error('context canceled'));
  }

  async #elect(run: Run): Promise<void> {
    const transport = await this.platform.connect();
    const { times, releaseOnCancel, requestTimeoutMs } = this.setting;
    const where = { identity: this.identity, name: 'lock', namespace: 'default' };
    const elector = new ClientGoElector(
      this.clock,
      transport,
      { ...where, ...times, releaseOnCancel, requestTimeoutMs },
      {
        onStartedLeading: (signal) => {
          run.work = signal;
          if (this.isAlive) this.world.tellAll({ type: 'leads', who: this, token: '' });
        },
        onStoppedLeading: () => undefined,
      },
    );
    await elector.run(run.stop.signal);
    transport.close();
    run.isOver = true;
    if (this.isAlive) this.world.tellAll({ type: 'ended', who: this, why: 'its elector is done' });
  }
}
