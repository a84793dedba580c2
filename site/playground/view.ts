import { POD_ACTIONS, WORLD_ACTIONS, type PodAction, type WorldAction } from './schedule.ts';
import { GROUPS } from './groups.ts';
import type { Replica } from './replica.ts';
import type { Show } from './show.ts';
import { timeline, wordsOf } from './timeline.ts';
import { verdictOf } from './verdict.ts';
import type { World } from './world.ts';

const NAMES = {
  become: 'leader-for-life, become',
  lead: 'leader-for-life, lead',
  'operator-lib': 'operator-lib (Go)',
  'client-go': 'client-go (Go)',
} as const;

export interface Acts {
  readonly toPod: (what: PodAction, pod: string) => void;
  readonly toWorld: (what: WorldAction) => void;
}

/** Draws a show into a page. */
export class View {
  readonly #root: HTMLElement;
  readonly #acts: Acts;
  readonly #cards = new Map<string, HTMLElement>();

  constructor(root: HTMLElement, acts: Acts) {
    this.#root = root;
    this.#acts = acts;
    this.#fillWorldButtons();
  }

  /** Forgets what was drawn of another show. */
  reset(show: Show): void {
    this.#cards.clear();
    this.#find('cards').replaceChildren();
    const sections = show.worlds.map(({ rules }) => {
      const section = element('section', 'world');
      const title = element('h3', '', NAMES[rules]);
      const verdict = element('p', 'verdict');
      verdict.setAttribute('role', 'status');
      section.append(title, verdict, element('div', 'lanes'));
      return section;
    });
    this.#find('worlds').replaceChildren(...sections);
  }

  draw(show: Show): void {
    setText(this.#find('time'), `${(show.nowMs / 1_000).toFixed(2)} s`);
    setText(this.#find('caption'), show.caption);
    for (const button of this.#find('scenes').children) {
      press(button, (button as HTMLElement).dataset['scene'] === show.sceneId);
    }
    const [ours] = show.worlds;
    for (const [index, world] of show.worlds.entries()) this.#drawWorld(world, index, show);
    if (!ours) return;
    this.#drawPods(ours);
    this.#drawWorldButtons(ours);
    setText(
      this.#find('lock'),
      ours.lock ? JSON.stringify(shortened(ours.lock), null, 2) : 'There is none.',
    );
    const lines = ours.requests(40).map(({ time, user, verb, resource, name, status }) => {
      const answer = status === 0 ? '…' : String(status);
      return `${(time / 1_000).toFixed(2).padStart(7)} s  ${user.padEnd(6)} ${verb.padEnd(6)} ${resource}/${name}  ${answer}`;
    });
    setText(this.#find('requests'), lines.join('\n'));
  }

  #drawWorld(world: World, index: number, show: Show): void {
    const section = this.#find('worlds').children[index];
    const [, verdict, lanes] = section?.children ?? [];
    if (!(verdict instanceof HTMLElement) || !(lanes instanceof HTMLElement)) return;
    const { holds, text } = verdictOf(world);
    verdict.dataset['holds'] = String(holds);
    setText(verdict, `${holds ? '✓' : '✗'} ${text}`);
    lanes.innerHTML = timeline(world, Math.max(lanes.clientWidth, 280), show.scene?.endMs);
  }

  #drawPods(world: World): void {
    const pods = this.#find('cards');
    for (const replica of world.replicas) {
      const card = this.#cards.get(replica.name);
      if (!replica.exists) {
        card?.remove();
        this.#cards.delete(replica.name);
      } else if (card) {
        update(card, replica, world);
      } else {
        const added = this.#card(replica);
        this.#cards.set(replica.name, added);
        pods.append(added);
        update(added, replica, world);
      }
    }
  }

  #card({ name, node }: Replica): HTMLElement {
    const card = element('fieldset', 'pod');
    card.append(element('legend', '', name), element('p', 'state', ''));
    for (const [group, hints] of Object.entries(GROUPS)) {
      const buttons = element('div', 'buttons');
      for (const [what, hint] of Object.entries(hints) as [PodAction, string][]) {
        buttons.append(this.#podButton(what, hint, name));
      }
      card.append(element('span', 'group', group), buttons);
    }
    card.dataset['node'] = node;
    return card;
  }

  #podButton(what: PodAction, hint: string, name: string): HTMLElement {
    const label = POD_ACTIONS[what];
    const button = element('button', '', label);
    button.dataset['what'] = what;
    button.title = hint;
    button.setAttribute('aria-label', `${label}: ${name}`);
    button.addEventListener('click', () => this.#acts.toPod(what, name));
    return button;
  }

  #fillWorldButtons(): void {
    const buttons = (Object.entries(WORLD_ACTIONS) as [WorldAction, string][]).map(
      ([what, label]) => {
        const button = element('button', '', label);
        button.dataset['what'] = what;
        button.addEventListener('click', () => this.#acts.toWorld(what));
        return button;
      },
    );
    this.#find('world-buttons').replaceChildren(...buttons);
  }

  #drawWorldButtons(world: World): void {
    const pressed = { gc: world.isGcOff, api: world.isApiDown };
    for (const [what, isPressed] of Object.entries(pressed)) {
      press(this.#root.querySelector(`[data-part=world-buttons] [data-what=${what}]`), isPressed);
    }
    const heal = this.#find('world-buttons').querySelector<HTMLButtonElement>('[data-what=heal]');
    if (heal) heal.disabled = !world.hasLostNode;
  }

  #find(part: string): HTMLElement {
    const found = this.#root.querySelector<HTMLElement>(`[data-part=${part}]`);
    if (!found) throw new Error(`the page has no part ${part}`);
    return found;
  }
}

function update(card: HTMLElement, replica: Replica, world: World): void {
  const { state, isStopped, isCutOff, isTerminating, isLeading } = replica;
  card.dataset['state'] = isLeading ? 'leads' : state;
  const words = wordsOf({ state, isStopped, isCutOff, isTerminating });
  const line = card.querySelector('.state');
  if (line) setText(line, `${words} (${card.dataset['node'] ?? ''})`);
  const pressed = {
    stop: isStopped,
    cut: isCutOff,
    slow: replica.isSlow,
    'fast-clock': replica.rate > 1,
    'slow-clock': replica.rate < 1,
    node: world.isLost(replica.node),
  };
  for (const [what, isPressed] of Object.entries(pressed)) {
    press(card.querySelector(`[data-what=${what}]`), isPressed);
  }
}

function press(button: Element | null, isPressed: boolean): void {
  button?.setAttribute('aria-pressed', String(isPressed));
}

/** Without what says nothing here. */
function shortened(lock: object): object {
  const {
    metadata = {},
    spec,
    data,
  } = lock as {
    metadata?: Record<string, unknown>;
    spec?: unknown;
    data?: unknown;
  };
  const kept = [
    'name',
    'uid',
    'resourceVersion',
    'annotations',
    'ownerReferences',
    'deletionTimestamp',
  ];
  const fields = Object.entries(metadata).filter(([name]) => kept.includes(name));
  return {
    metadata: Object.fromEntries(fields),
    ...(spec !== undefined && { spec }),
    ...(data !== undefined && { data }),
  };
}

function element(name: string, className = '', text = ''): HTMLElement {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  if (made instanceof HTMLButtonElement) made.type = 'button';
  return made;
}

function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
