import type { Exchange } from './exchanges.ts';

/** What earlier answers said, by the name under which it was to be kept. */
export type Saved = Map<string, { readonly uid: string; readonly resourceVersion: string }>;

function fill(text: string, saved: Saved): string {
  return text.replace(/\$(\w+)\.(uid|rv)/g, (_, name: string, field: string) => {
    const { uid = '', resourceVersion = '' } = saved.get(name) ?? {};
    return field === 'uid' ? uid : resourceVersion;
  });
}

/** The exchange with its path and body as they are sent. */
export function prepare(exchange: Exchange, saved: Saved): Exchange {
  const { body, text = body === undefined ? undefined : JSON.stringify(body) } = exchange;
  const path = fill(exchange.path.replace(/^NS/, '/api/v1/namespaces/real-answers'), saved);
  return { ...exchange, path, ...(text !== undefined && { text: fill(text, saved) }) };
}

/** Keeps of an answer what later exchanges refer to. */
export function save(exchange: Exchange, answer: string, saved: Saved): void {
  if (!exchange.save) return;
  const { metadata } = JSON.parse(answer) as {
    metadata: { uid: string; resourceVersion: string };
  };
  saved.set(exchange.save, metadata);
}
