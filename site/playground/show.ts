import {
  type Action,
  type PodAction,
  type Schedule,
  type Setting,
  type WorldAction,
  read,
  rulesOf,
  written,
} from './schedule.ts';
import { SCENES, type Scene } from './scenes.ts';
import { World } from './world.ts';

/** The worlds that are shown, at one time, and what has happened to them. */
export class Show {
  readonly setting: Setting;
  readonly scene: Scene | undefined;
  readonly sceneId: string | undefined;
  readonly worlds: readonly World[];
  /** Beyond those of the scene. */
  readonly #own: Action[];
  #due: Action[];
  #nowMs = 0;
  #work: Promise<void> = Promise.resolve();

  private constructor({ setting, scene, actions }: Schedule, worlds: readonly World[]) {
    this.setting = setting;
    this.sceneId = scene;
    this.scene = SCENES[scene ?? ''];
    this.worlds = worlds;
    this.#own = [...actions];
    const all = [...(this.scene?.actions ?? []), ...actions];
    this.#due = all.sort((one, other) => one.atMs - other.atMs);
  }

  static async open(fragment: string): Promise<Show> {
    const asked = read(fragment);
    const scene = Object.hasOwn(SCENES, asked.scene ?? '') ? asked.scene : undefined;
    const setting = SCENES[scene ?? '']?.setting ?? asked.setting;
    const { ours, theirs } = rulesOf(setting.mode);
    const rules = setting.compared ? [ours, theirs] : [ours];
    const worlds = await Promise.all(rules.map((each) => World.create(setting, each)));
    return new Show({ ...asked, setting, scene }, worlds);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** What to look at now. */
  get caption(): string {
    return this.scene?.captions.findLast(({ atMs }) => atMs <= this.#nowMs)?.text ?? '';
  }

  get hasEnded(): boolean {
    return this.scene !== undefined && this.#nowMs >= this.scene.endMs;
  }

  /** How to see the same again. */
  get link(): string {
    return written({ setting: this.setting, scene: this.sceneId, actions: this.#own });
  }

  advance(ms: number): Promise<void> {
    return this.#next(() => {
      const endMs = this.hasEnded ? undefined : this.scene?.endMs;
      return this.#advanceTo(Math.min(Math.round(this.#nowMs + ms), endMs ?? Infinity));
    });
  }

  /** Until the next request reaches an API server, or a second has passed. */
  step(): Promise<void> {
    return this.#next(async () => {
      const count = () => this.worlds.reduce((sum, { requestCount }) => sum + requestCount, 0);
      const before = count();
      for (let i = 0; i < 100 && count() === before; i += 1)
        await this.#advanceTo(this.#nowMs + 10);
    });
  }

  /** Does it to a Pod now, and writes it down. */
  toPod(what: PodAction, pod: string): Promise<void> {
    return this.#act((atMs) => ({ atMs, what, pod }));
  }

  /** Does it to the world now, and writes it down. */
  toWorld(what: WorldAction): Promise<void> {
    return this.#act((atMs) => ({ atMs, what }));
  }

  #act(actionAt: (atMs: number) => Action): Promise<void> {
    return this.#next(async () => {
      const action = actionAt(this.#nowMs);
      this.#own.push(action);
      for (const world of this.worlds) await world.apply(action);
    });
  }

  close(): Promise<void> {
    return this.#next(async () => {
      await Promise.all(this.worlds.map((world) => world.close()));
    });
  }

  #next(task: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(task);
    return this.#work;
  }

  async #advanceTo(untilMs: number): Promise<void> {
    for (;;) {
      const [action] = this.#due;
      if (!action || action.atMs > untilMs) break;
      this.#due = this.#due.slice(1);
      for (const world of this.worlds) {
        await world.advanceTo(action.atMs);
        await world.apply(action);
      }
    }
    for (const world of this.worlds) await world.advanceTo(untilMs);
    this.#nowMs = untilMs;
  }
}
