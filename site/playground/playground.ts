import { type Setting, written } from './schedule.ts';
import { SCENES } from './scenes.ts';
import { Show } from './show.ts';
import { View } from './view.ts';

/** A page that was hidden for long does not catch up. */
const MAX_FRAME_MS = 100;

/** Runs the playground in this element, until the returned function is called. */
export async function mount(root: HTMLElement): Promise<() => void> {
  const playground = new Playground(root);
  await playground.open(location.hash);
  return () => playground.close();
}

class Playground {
  readonly #root: HTMLElement;
  readonly #view: View;
  readonly #listening = new AbortController();
  #show: Show | undefined;
  #isPlaying = true;
  #isBusy = false;
  #frame = 0;
  #lastMs = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#view = new View(root, {
      toPod: (what, pod) => void this.#act((show) => show.toPod(what, pod)),
      toWorld: (what) => void this.#act((show) => show.toWorld(what)),
    });
    this.#fillScenes();
    this.#listen();
  }

  async open(fragment: string): Promise<void> {
    const show = await Show.open(fragment);
    await this.#show?.close();
    this.#show = show;
    this.#view.reset(show);
    const { mode, pods, compared } = show.setting;
    this.#field('mode').value = mode;
    this.#field('pods').value = String(pods);
    this.#checkbox('compared').checked = compared;
    this.#setSpeed(show.scene?.speed ?? 1);
    this.#play(true);
    this.#view.draw(show);
    this.#root.dataset['ready'] = 'true';
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#listening.abort();
    void this.#show?.close();
    this.#show = undefined;
  }

  #listen(): void {
    const { signal } = this.#listening;
    const on = (part: string, type: string, listener: () => void) =>
      this.#part(part).addEventListener(type, listener, { signal });
    on('play', 'click', () => this.#play(!this.#isPlaying));
    on('step', 'click', () => {
      this.#play(false);
      void this.#act((show) => show.step());
    });
    on('again', 'click', () => void this.open(this.#show?.link ?? location.hash));
    on('share', 'click', () => void this.#share());
    on('speed', 'input', () => this.#setSpeed(10 ** Number(this.#field('speed').value)));
    for (const part of ['mode', 'pods', 'compared']) on(part, 'change', () => this.#change());
    addEventListener('hashchange', () => this.#follow(location.hash), { signal });
    this.#frame = requestAnimationFrame((atMs) => this.#tick(atMs));
  }

  /** Opens what a link shows, unless it leads to a part of the page. */
  #follow(fragment: string): void {
    if (fragment === '' || fragment.includes('=')) void this.open(fragment);
  }

  #tick(atMs: number): void {
    const passedMs = Math.min(atMs - this.#lastMs, MAX_FRAME_MS);
    if (!this.#isBusy) this.#lastMs = atMs;
    this.#frame = requestAnimationFrame((nextMs) => this.#tick(nextMs));
    const show = this.#show;
    if (!show || !this.#isPlaying || this.#isBusy) return;
    this.#isBusy = true;
    const hadEnded = show.hasEnded;
    void show
      .advance(passedMs * this.#speed)
      .then(() => {
        if (show !== this.#show) return;
        this.#view.draw(show);
        if (show.hasEnded && !hadEnded) this.#play(false);
      })
      .finally(() => (this.#isBusy = false));
  }

  async #act(task: (show: Show) => Promise<void>): Promise<void> {
    const show = this.#show;
    if (!show) return;
    await task(show);
    this.#writeLink(show);
    if (show === this.#show) this.#view.draw(show);
  }

  #writeLink(show: Show): void {
    history.replaceState(history.state, '', `#${show.link}`);
  }

  async #share(): Promise<void> {
    if (this.#show) this.#writeLink(this.#show);
    const told = this.#part('shared');
    try {
      await navigator.clipboard.writeText(location.href);
      told.textContent = 'The link is copied. It shows this very run.';
    } catch {
      told.textContent = 'The address of this page shows this very run.';
    }
  }

  #change(): void {
    const setting: Setting = {
      mode: this.#field('mode').value === 'lease' ? 'lease' : 'life',
      pods: Number(this.#field('pods').value),
      seed: this.#show?.setting.seed ?? 1,
      compared: this.#checkbox('compared').checked,
    };
    this.#go(written({ setting, actions: [] }));
  }

  #go(fragment: string): void {
    history.replaceState(history.state, '', `#${fragment}`);
    void this.open(fragment);
  }

  #fillScenes(): void {
    const buttons = Object.entries(SCENES).map(([id, { title }]) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset['scene'] = id;
      button.textContent = title;
      button.addEventListener('click', () => this.#go(`scene=${id}`));
      return button;
    });
    this.#part('scenes').replaceChildren(...buttons);
  }

  #play(isPlaying: boolean): void {
    this.#isPlaying = isPlaying;
    this.#part('play').textContent = isPlaying ? 'Pause' : 'Play';
  }

  get #speed(): number {
    return 10 ** Number(this.#field('speed').value);
  }

  #setSpeed(speed: number): void {
    this.#field('speed').value = String(Math.log10(speed));
    const told = speed < 10 ? speed.toFixed(1) : speed.toFixed(0);
    this.#part('speed-value').textContent = `${told} ×`;
    this.#part('speed').setAttribute('aria-valuetext', `${told} times`);
  }

  #field(part: string): HTMLInputElement | HTMLSelectElement {
    return this.#part(part) as HTMLInputElement | HTMLSelectElement;
  }

  #checkbox(part: string): HTMLInputElement {
    return this.#part(part) as HTMLInputElement;
  }

  #part(part: string): HTMLElement {
    const found = this.#root.querySelector<HTMLElement>(`[data-part=${part}]`);
    if (!found) throw new Error(`the page has no part ${part}`);
    return found;
  }
}
