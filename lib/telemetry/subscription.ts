import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ElectionEvent } from '../events/event.ts';

/**
 * Calls the listener with each event of every election of this process, of every copy of this
 * package. The returned function ends that.
 */
export function onEveryEvent(listener: (event: ElectionEvent) => void): () => void {
  const listen = (message: unknown) => {
    if (isEvent(message)) listener(message);
  };
  subscribe('leader-for-life', listen);
  return () => {
    unsubscribe('leader-for-life', listen);
  };
}

/** What a listener throws would end the process, so it sees nothing else than an event. */
function isEvent(message: unknown): message is ElectionEvent {
  const { type, name, namespace, identity } = Object(message) as Record<string, unknown>;
  return [type, name, namespace, identity].every((field) => typeof field === 'string');
}
