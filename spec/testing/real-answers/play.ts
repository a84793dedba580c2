import { readFileSync } from 'node:fs';

import { EXCHANGES, type Exchange } from './exchanges.ts';
import { Normaliser, type PlainAnswer } from './normalise.ts';

export const RECORDED = new URL('answers.json', import.meta.url);
export const NAMESPACE = '/api/v1/namespaces/real-answers';

/** What a real API server answered, by group. */
export const recorded = JSON.parse(readFileSync(RECORDED, 'utf8')) as Record<string, PlainAnswer[]>;

/** What plays the exchanges: an API server, and a way to wait for what it does in its own time. */
export interface Player {
  ask(exchange: Exchange): Promise<{ readonly status: number; readonly text: string }>;
  settle(): Promise<unknown>;
}

/** The answers to one group of exchanges. */
export async function play(group: string, player: Player): Promise<PlainAnswer[]> {
  const normaliser = new Normaliser();
  /** What earlier answers said, by the name under which it was to be kept. */
  const saved = new Map<string, Record<string, string>>();
  const fill = (text: string) =>
    text.replace(/\$(\w+)\.(uid|rv)/g, (_, name: string, field: string) => {
      return saved.get(name)?.[field === 'rv' ? 'resourceVersion' : field] ?? '';
    });
  const answers: PlainAnswer[] = [];
  for (const exchange of EXCHANGES[group] ?? []) {
    const { body, text = body === undefined ? undefined : JSON.stringify(body) } = exchange;
    const path = fill(exchange.path.replace(/^NS/, NAMESPACE));
    const sent = { ...exchange, path, ...(text !== undefined && { text: fill(text) }) };
    const answer = await player.ask(sent);
    if (exchange.save) {
      const { metadata } = JSON.parse(answer.text) as { metadata: Record<string, string> };
      saved.set(exchange.save, metadata);
    }
    answers.push(normaliser.answer(answer.status, answer.text));
    if (exchange.settles) await player.settle();
  }
  return answers;
}

/** The answers with what was asked, to be compared. */
export function titled(group: string, answers: readonly PlainAnswer[] = []) {
  return (EXCHANGES[group] ?? []).map(({ method, path, body }, index) => {
    return { title: `${method} ${path} ${JSON.stringify(body)}`, ...answers[index] };
  });
}
