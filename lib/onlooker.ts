import { explainRefusal } from './failure.ts';
import type { Holder, LockKind } from './holder.ts';
import type { Api } from './kubernetes/api.ts';
import type { ApiError } from './kubernetes/outcome.ts';
import { observerRoleYaml } from './kubernetes/role.ts';
import { SilentWatchError } from './kubernetes/watch.ts';
import { createLog } from './log.ts';
import { Observation } from './observation.ts';
import { remedyOf } from './remedy.ts';
import type { Surroundings } from './surroundings.ts';
import { Warnings } from './warnings.ts';

const log = createLog('observe');

/** One loop's observation, and what people get to see of it. */
export class Onlooker<H extends Holder> {
  readonly #surroundings: Surroundings;
  readonly #kind: LockKind<H>;
  readonly #namespace: string;
  readonly #name: string;
  readonly #warnings: Warnings;

  constructor(surroundings: Surroundings, kind: LockKind<H>, namespace: string, name: string) {
    const { clock, warn } = surroundings;
    this.#surroundings = surroundings;
    this.#kind = kind;
    this.#namespace = namespace;
    this.#name = name;
    this.#warnings = new Warnings(clock, warn);
  }

  /** Never resolves: rejects when the signal aborts, and with what is refused for good, in words. */
  async observe(api: Api, tell: (holder: H | null) => void, signal: AbortSignal): Promise<void> {
    const observation = new Observation({
      api,
      clock: this.#surroundings.clock,
      kind: this.#kind,
      namespace: this.#namespace,
      name: this.#name,
      onHolder: (holder) => {
        this.#log(holder ? `${holder.identity} holds it` : 'nobody holds it');
        tell(holder);
      },
      onTrouble: (error) => {
        this.#onTrouble(error);
      },
      onLost: (error) => {
        this.#onLost(error);
      },
      onRefused: (error) => {
        this.#onRefused(error);
      },
    });
    try {
      await observation.run(signal);
    } catch (error) {
      throw explainRefusal(error, this.#refused);
    }
  }

  #onTrouble(error: Error | undefined): void {
    if (!error) {
      this.#warnings.succeeded();
      return;
    }
    this.#log(error.message);
    if (!this.#warnings.failed()) return;
    const message = `${this.#what}: still trying: ${error.message}`;
    this.#warnings.give('trouble', message);
  }

  #onLost(error: unknown): void {
    const why = error instanceof Error ? error.message : 'the server ended it';
    this.#log(`lost the watch: ${why}`);
    if (!(error instanceof SilentWatchError)) return;
    this.#warnings.give('silent-watch', `${why}. ${this.#polled}`);
  }

  #onRefused(error: ApiError): void {
    const message = `${error.message}. ${this.#polled} ${remedyOf(error, this.#refused).advice}`;
    this.#log(message);
    this.#warnings.give('degraded', message);
  }

  get #refused() {
    const { group, resource } = this.#kind;
    const [namespace, name] = [this.#namespace, this.#name];
    return {
      object: this.#what,
      namespace,
      role: (user: string | undefined) =>
        observerRoleYaml({ namespace, name, group, resource, user }),
    };
  }

  get #polled(): string {
    return `${this.#what} is polled instead of watched, so its changes are noticed later.`;
  }

  get #what(): string {
    return `${this.#kind.kind} ${this.#namespace}/${this.#name}`;
  }

  #log(message: string): void {
    log(`${this.#what}: ${message}`);
  }
}
