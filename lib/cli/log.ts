import type { ElectionEvent } from '../index.ts';
import { systemClock } from '../platform/clock.ts';

export type LogFormat = 'text' | 'json';

/** Writes what a command has to say, apart from its result. */
export interface EventWriter {
  readonly say: (message: string, level?: ElectionEvent['level']) => void;
  readonly onEvent: (event: ElectionEvent) => void;
}

/** Writes each to one line, except that a Role may follow the message of an event. */
export function eventWriter(format: LogFormat, write: (text: string) => void): EventWriter {
  const line = (fields: { readonly level: string; readonly message: string }) => {
    const time = systemClock.date().toISOString();
    write(format === 'json' ? `${JSON.stringify({ time, ...fields })}\n` : textOf(fields));
  };
  return {
    say: (message, level = 'info') => line({ level, message }),
    onEvent: (event) => {
      // A renewal every 2 s is no news, and the command ends with the error of a failed election.
      if (event.level === 'debug' || event.type === 'failed') return;
      const { level, message, ...rest } = event;
      const error = 'error' in event ? { error: event.error.message } : {};
      if (format === 'json') line({ level, message, ...rest, ...error });
      else line({ level, message: `${placeOf(event)}: ${withoutPlace(event)}` });
    },
  };
}

function textOf({ level, message }: { readonly level: string; readonly message: string }): string {
  const label = level === 'info' ? '' : `${level === 'warn' ? 'warning' : level}: `;
  return `leader-for-life: ${label}${message}\n`;
}

function placeOf({ namespace, name }: ElectionEvent): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** Some messages already begin with the place. */
function withoutPlace(event: ElectionEvent): string {
  const prefix = `${placeOf(event)}: `;
  return event.message.startsWith(prefix) ? event.message.slice(prefix.length) : event.message;
}
