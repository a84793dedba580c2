/** Every variable, every file, every kubeconfig, as anything: an error with a code, or correct work. */
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { identify, locate } from '../../lib/kubernetes/identity.ts';
import type { KubeConfigLike } from '../../lib/kubernetes/kube-config.ts';
import { isDnsLabel, isDnsSubdomain } from '../../lib/kubernetes/names.ts';
import { checkOptions } from '../../lib/life/options.ts';
import { Container } from '../support/container.ts';
import { certificate } from '../support/servers.ts';
import { hostileTexts, hostileValue } from './hostile.ts';
import { Aftermath, PATIENCE_MS, runs } from './runs.ts';
import { expectTyped } from './witness.ts';

const text = fc.oneof(
  fc.constantFrom(...hostileTexts, 'default', 'pod-0', '10.0.0.1', '443', '::1'),
  fc.string(),
  fc.string({ unit: 'binary' }),
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const names = [
  ...['POD_NAME', 'POD_NAMESPACE', 'POD_UID'],
  ...['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'],
];

test(
  'variables and the files of a service account',
  async () => {
    const variables = fc.record(Object.fromEntries(names.map((name) => [name, maybe(text)])));
    const files = fc.record({ token: maybe(text), 'ca.crt': maybe(text), namespace: maybe(text) });
    await fc.assert(
      fc.asyncProperty(variables, files, async (given, contents) => {
        using aftermath = new Aftermath();
        const right = { token: 'token', 'ca.crt': certificate.cert };
        const present = Object.entries({ ...right, ...contents }).filter(
          (entry): entry is [string, string] => entry[1] !== undefined,
        );
        using container = new Container(Object.fromEntries(present), given);
        const before = names.map((name) => process.env[name]);
        try {
          // This is where client-node reads them; no variable can carry a NUL.
          for (const name of names) {
            const value = given[name]?.replaceAll('\0', '');
            if (value === undefined) Reflect.deleteProperty(process.env, name);
            else process.env[name] = value;
          }
          const candidate = await identify(container, checkOptions('lock', {}));
          if (!candidate.credentials) return;
          expect(isDnsLabel(candidate.namespace)).toBe(true);
          expect(isDnsSubdomain(candidate.podName)).toBe(true);
        } catch (error) {
          expectTyped(error);
        } finally {
          for (const [at, name] of names.entries()) {
            if (before[at] === undefined) Reflect.deleteProperty(process.env, name);
            else process.env[name] = before[at];
          }
        }
        aftermath.check();
      }),
      runs(400),
    );
  },
  PATIENCE_MS,
);

test(
  'a kubeConfig that says anything',
  async () => {
    const cluster = fc.oneof(
      fc.constantFrom(null, undefined),
      fc.record({ name: text, server: fc.oneof(text, hostileValue), skipTLSVerify: fc.boolean() }),
    );
    const context = fc.oneof(
      fc.constantFrom(null, undefined),
      fc.record({ namespace: hostileValue }),
    );
    await fc.assert(
      fc.asyncProperty(
        cluster,
        context,
        maybe(text),
        async (saysCluster, saysContext, namespace) => {
          using aftermath = new Aftermath();
          using container = new Container();
          const kubeConfig = {
            getCurrentCluster: () => saysCluster,
            getCurrentContext: () => 'context',
            getContextObject: () => saysContext,
            applyToHTTPSOptions: () => Promise.resolve(),
          } as unknown as KubeConfigLike;
          container.variables['POD_NAMESPACE'] = namespace;
          try {
            const place = await locate(container, { kubeConfig });
            expect(isDnsLabel(place.namespace)).toBe(true);
          } catch (error) {
            expectTyped(error);
          }
          aftermath.check();
        },
      ),
      runs(400),
    );
  },
  PATIENCE_MS,
);
