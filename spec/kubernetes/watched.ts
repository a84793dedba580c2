import { ObjectWatch } from '../../lib/kubernetes/watch.ts';
import { settled } from '../support/manual-clock.ts';
import { it as base } from './scripted.ts';

export const y = { metadata: { name: 'y' } };
export const z = { metadata: { name: 'z' } };
export const bookmark = { kind: 'ConfigMap', metadata: { resourceVersion: '9' } };
export const path = '/api/v1/namespaces/x/configmaps';
export const line = `WATCH ${path} (metadata.name=y)`;

/** With a watch of `y`, what it has told, and a way to run it: until it is open, if it can be. */
export const it = base
  .extend('stop', () => new AbortController())
  .extend('told', (): string[] => [])
  .extend('lost', (): unknown[] => [])
  .extend('watch', ({ api, clock, lost, told }) => {
    const listener = {
      onOpen: () => told.push('open'),
      onEvent: (type: string, object: { poison?: true }) => {
        told.push(`${type} ${JSON.stringify(object)}`);
        if (object.poison) throw new Error('the answer is no ConfigMap');
      },
      onLost: (error: unknown) => {
        lost.push(error);
        told.push(`lost: ${error instanceof Error ? error.message : String(error)}`);
      },
      onRefused: (error: Error) => told.push(`refused: ${error.message}`),
    };
    return new ObjectWatch(api, clock, { path, name: 'y' }, listener, 16_000);
  })
  .extend('run', ({ stop, watch }) => async () => {
    const run = { ended: false };
    void watch.run(stop.signal).then(() => (run.ended = true));
    await settled();
    return run;
  })
  .extend('open', ({ run, transport }) => async () => {
    const feed = transport.stream();
    return Object.assign(await run(), { feed });
  });
