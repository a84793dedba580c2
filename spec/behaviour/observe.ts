import { once } from 'node:events';

import { CoordinationV1Api, type V1PolicyRule, loadAllYaml } from '@kubernetes/client-node';
import { describe, expect, onTestFinished, test } from 'vitest';

import {
  type Holder,
  type ObserveOptions,
  lead,
  observeLease,
  observeLock,
} from '../../lib/index.ts';
import { type Mode, lockKinds } from '../../lib/kubernetes/lock-kind.ts';
import { observerRoleYaml } from '../../lib/kubernetes/role.ts';
import { type Cluster, type Namespace, eventually } from './cluster.ts';
import { describeOn } from './on-cluster.ts';

const kinds = {
  observeLease: { observe: observeLease, mode: 'lease' },
  observeLock: { observe: observeLock, mode: 'life' },
} as const;

/** What observers yield, on whichever cluster: the same file for the one in memory and real ones. */
export function observeBehaviour(clusterName: string, open: () => Promise<Cluster>): void {
  describeOn(`observers on ${clusterName}`, open, (on) => {
    function optionsFor(space: Namespace): ObserveOptions {
      const stop = new AbortController();
      onTestFinished(() => {
        stop.abort();
      });
      return { kubeConfig: on.cluster.kubeConfig, namespace: space.name, signal: stop.signal };
    }

    test('observeLock yields Pods as they come and go', async () => {
      const space = await on.namespace();
      const [a, b] = [await space.replica('a'), await space.replica('b')];
      const holders = new Holders(observeLock('lock', optionsFor(space)));
      expect(await holders.next()).toBeNull();

      const leadership = await a.become('lock');
      const object = await space.lock('lock');
      expect(await holders.next()).toEqual({
        identity: 'a',
        podName: 'a',
        podUid: a.uid,
        acquireTime: object?.metadata?.creationTimestamp,
        resourceVersion: leadership.fencingToken,
      });
      const next = b.become('lock');
      await space.deletePod('a');
      expect(await holders.next()).toBeNull();
      expect(await holders.next()).toMatchObject({ podName: 'b', podUid: b.uid });
      await (await next).release();
      expect(await holders.next()).toBeNull();
      await holders.end();
    });

    test('observeLease yields electors as they come and go, and no renewals', async () => {
      const space = await on.namespace();
      const leases = on.cluster.kubeConfig.makeApiClient(CoordinationV1Api);
      const read = () => leases.readNamespacedLease({ namespace: space.name, name: 'lease' });
      const holders = new Holders(observeLease('lease', optionsFor(space)));
      expect(await holders.next()).toBeNull();

      for (const [leaseTransitions, identity] of ['a', 'b'].entries()) {
        await lead(
          'lease',
          async ({ fencingToken }) => {
            const { spec } = await read();
            expect(await holders.next()).toEqual({
              identity,
              acquireTime: new Date(spec?.acquireTime ?? ''),
              leaseTransitions,
              resourceVersion: fencingToken,
            });
            const renewals = new Set<string>();
            await eventually(async () => {
              renewals.add((await read()).metadata?.resourceVersion ?? '');
              expect(renewals.size).toBeGreaterThan(2);
            });
          },
          { ...optionsFor(space), retryPeriodMs: 200, identity },
        );
        expect(await holders.next()).toBeNull();
      }
      await holders.end();
    });

    test('observeLease yields the same holder again when the Lease was deleted and created again', async () => {
      const space = await on.namespace();
      const api = on.cluster.kubeConfig.makeApiClient(CoordinationV1Api);
      const body = { metadata: { name: 'lease' }, spec: { holderIdentity: 'a' } };
      const create = () => api.createNamespacedLease({ namespace: space.name, body });
      const first = await create();
      const holders = new Holders(observeLease('lease', optionsFor(space)));
      expect(await holders.next()).toEqual({
        identity: 'a',
        acquireTime: first.metadata?.creationTimestamp,
        leaseTransitions: 0,
        resourceVersion: first.metadata?.resourceVersion,
      });
      await api.deleteNamespacedLease({ namespace: space.name, name: 'lease' });
      expect(await holders.next()).toBeNull();
      const second = await create();
      const { resourceVersion } = second.metadata ?? {};
      expect(await holders.next()).toMatchObject({ identity: 'a', resourceVersion });
      await holders.end();
    });

    describe.each(Object.entries(kinds))('%s', (_, { observe, mode }) => {
      const { group, resource } = lockKinds[mode];
      const role = (name: string): V1PolicyRule[] => {
        const yaml = observerRoleYaml({ namespace: name, name: 'held', mode });
        return (loadAllYaml(yaml) as { rules: V1PolicyRule[] }[])[0]?.rules ?? [];
      };

      test.each([
        ['with the rights of its Role', ['get', 'watch'], []],
        ['without the right to watch, with one warning', ['get'], ['LEADER_FOR_LIFE_DEGRADED']],
      ])('yields the holder %s', async (_, verbs, codes) => {
        const space = await on.namespace();
        const warnings = warningsFrom();
        const rules = role(space.name);
        expect(rules.map((rule) => rule.verbs)).toEqual([['get', 'watch']]);
        const limited = rules.map((rule) => ({ ...rule, verbs }));
        const { kubeConfig } = await on.cluster.user(space.name, limited);
        const holders = new Holders<Holder>(observe('held', { ...optionsFor(space), kubeConfig }));
        expect(await holders.next()).toBeNull();
        await hold(space, mode);
        expect(await holders.next()).toMatchObject({ identity: 'a' });
        await holders.end();
        expect(warnings).toEqual(codes);
      });

      test('throws ERR_FORBIDDEN with the Role, without any right to it', async () => {
        const space = await on.namespace();
        const { kubeConfig } = await on.cluster.user(space.name, [
          { apiGroups: [group], resources: [resource], resourceNames: ['other'], verbs: ['get'] },
        ]);
        const holders = new Holders<Holder>(observe('held', { ...optionsFor(space), kubeConfig }));
        const error: unknown = await holders.next().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({
          code: 'ERR_FORBIDDEN',
          message: expect.stringContaining(`resources: ["${resource}"]`) as string,
        });
      });
    });

    /** Somebody called `a` has the lock or Lease `held`, until the test is over. */
    async function hold(space: Namespace, mode: Mode): Promise<void> {
      if (mode === 'life') {
        await (await space.replica('a')).become('held');
        return;
      }
      const { promise: leads, resolve } = Promise.withResolvers<undefined>();
      const { signal, ...options } = optionsFor(space);
      const work = async ({ signal: end }: { readonly signal: AbortSignal }) => {
        resolve(undefined);
        if (!end.aborted) await once(end, 'abort');
      };
      lead('held', work, { ...options, signal, identity: 'a' }).catch(() => undefined);
      await leads;
    }
  });
}

/** The holders that a loop is told, one by one. */
class Holders<H extends Holder> {
  readonly #iterator: AsyncIterator<H | null, undefined>;

  constructor(holders: AsyncIterable<H | null, undefined>) {
    this.#iterator = holders[Symbol.asyncIterator]();
  }

  async next(): Promise<H | null> {
    const { value, done } = await this.#iterator.next();
    if (done) throw new Error('the loop has ended');
    return value;
  }

  async end(): Promise<void> {
    await this.#iterator.return?.();
  }
}

/** The warnings that this process gives from now on, by their codes. */
function warningsFrom(): string[] {
  const codes: string[] = [];
  const onWarning = (warning: Error & { readonly code?: string }) => {
    if (warning.name === 'LeaderElectionWarning') codes.push(warning.code ?? '');
  };
  process.on('warning', onWarning);
  onTestFinished(() => {
    process.off('warning', onWarning);
  });
  return codes;
}
