import { ClientGoElector } from './client-go.ts';
import { LeaseProcess, type ElectorSlot } from './lease-process.ts';

/** How a slot of client-go is set up. */
export interface ClientGoSlot extends ElectorSlot {
  readonly kind: 'client-go';
  readonly requestTimeoutMs: number;
}

/** A process that runs client-go's elector. */
export class ClientGoCandidate extends LeaseProcess {
  declare readonly setting: ClientGoSlot;
  readonly kind = 'client-go';
  readonly fencingToken = undefined;
  /** Nobody can tell it to step down. */
  readonly goesOn = false;
  /** Of its work, if it leads. */
  #work: AbortSignal | undefined;

  get mayLead(): boolean {
    return this.isBusy && this.leads;
  }

  /** Its work goes on until its context is done. */
  protected get leads(): boolean {
    return this.#work?.aborted === false;
  }

  finish(): void {
    this.cancel();
  }

  override cancel(): void {
    if (this.isBusy) super.cancel();
  }

  protected async run(signal: AbortSignal): Promise<string> {
    this.#work = undefined;
    const transport = await this.platform.connect();
    const { times, releaseOnCancel, requestTimeoutMs } = this.setting;
    const where = { identity: this.identity, name: 'lock', namespace: 'default' };
    const config = { ...where, ...times, releaseOnCancel, requestTimeoutMs };
    const elector = new ClientGoElector(this.clock, transport, config, {
      onStartedLeading: (work) => {
        this.#work = work;
        this.tell({ type: 'leads', token: '' });
      },
      onStoppedLeading: () => undefined,
    });
    await elector.run(signal);
    transport.close();
    return 'its elector is done';
  }
}
