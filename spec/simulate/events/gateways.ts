import { anySlot, duration, events } from '../draw.ts';
import type { Family } from '../family.ts';
import type { Line, Mishap, Page } from '../line.ts';
import type { Luck } from '../luck.ts';
import type { Event } from '../schedule.ts';
import type { World } from '../world.ts';
import { words } from './network.ts';
import { targetName, targetOf } from './target.ts';

const NOTHING = { kind: 'Status', apiVersion: 'v1', metadata: {} };

/** What no API server says in answer to a request for an object. */
function drawPage(luck: Luck): Page {
  const status = luck.pick([404, 404, 404, 403, 403, 409, 200, 200, 302, 410, 422]);
  const isSuccess = status === 200;
  const statusAboutNothing = isSuccess
    ? { ...NOTHING, status: 'Success' }
    : { ...NOTHING, status: 'Failure', message: 'no route', reason: 'NotFound', code: status };
  const [contentType, body] = luck.pick([
    ['text/plain', '404 page not found\n'],
    ['text/html', '<html><body>default backend</body></html>'],
    ['text/plain', ''],
    ['application/json', '{"error":"no route","status":404}\n'],
    ['application/json', `${JSON.stringify(statusAboutNothing)}\n`],
  ] as const);
  return { status, body, contentType, ...(luck.chance(0.3) && { isLate: true }) };
}

/** Pods are absent for as long as it takes to free the locks that they hold. */
function drawAbsence(luck: Luck): { mishap: Mishap; forMs: number } {
  const page = { ...drawPage(luck), status: 404 };
  const mishap = { page, probability: 1, verb: 'get', resource: 'pods' };
  return { mishap, forMs: duration(luck, 30_000, 2_500) };
}

function drawAnything(luck: Luck): { mishap: Mishap; forMs: number } {
  const verb = luck.chance(0.5) && luck.pick(['get', 'get', 'create', 'delete', 'watch']);
  const resource = luck.chance(0.3) && luck.pick(['pods', 'pods', 'configmaps', 'leases']);
  const mishap = {
    page: drawPage(luck),
    probability: luck.pick([1, 1, 0.5]),
    ...(verb && { verb }),
    ...(resource && { resource }),
    ...(luck.chance(0.3) && { times: luck.integer(1, 3) }),
  };
  return { mishap, forMs: duration(luck, 30_000, 1) };
}

/** Of a client-go it is known that it believes any `404`. */
function linesOf(world: World, event: Event): readonly Line[] {
  const candidates =
    event['slot'] === 'everybody' ? world.living : [world.slot(targetOf(world, event)).candidate];
  const ours = candidates.filter((candidate) => candidate && candidate.kind !== 'client-go');
  return [...new Set(ours.flatMap((candidate) => candidate?.process.line ?? []))];
}

/** Something between the processes and the API server answers in its place. */
export const gateways: Family = {
  name: 'gateways',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => ({
      what: 'gateway answers',
      slot: luck.pick(['everybody', 'leader', anySlot(luck, setting)]),
      ...(luck.chance(0.3) ? drawAbsence(luck) : drawAnything(luck)),
    })),
  kinds: {
    'gateway answers': {
      act: (world, event) => {
        const lines = linesOf(world, event);
        const mishap = event['mishap'] as Mishap;
        for (const line of lines) line.mishaps = [mishap, ...line.mishaps];
        world.later(Number(event['forMs']), () => {
          for (const line of lines) {
            line.mishaps = line.mishaps.filter((other) => other !== mishap);
          }
        });
      },
      tell: (event) => {
        const whom = event['slot'] === 'everybody' ? 'everybody' : targetName(event);
        return (
          `for ${String(event['forMs'])} ms something on the way answers ${whom}: ` +
          words(event['mishap'])
        );
      },
    },
  },
};
