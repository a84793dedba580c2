/** Every variable, every file, every kubeconfig, as anything: an error with a code, or correct work. */
import fc from 'fast-check';
import { expect } from 'vitest';

import { identify, locate } from '../../lib/kubernetes/identity.ts';
import type { KubeConfigLike } from '../../lib/kubernetes/kube-config.ts';
import { isDnsLabel, isDnsSubdomain } from '../../lib/kubernetes/names.ts';
import { checkOptions } from '../../lib/life/options.ts';
import { Container } from '../support/container.ts';
import { certificate } from '../support/servers.ts';
import { hostileTexts, hostileValue } from './hostile.ts';
import { property } from './runs.ts';
import { expectTyped } from './witness.ts';

const text = fc.oneof(
  fc.constantFrom(...hostileTexts, 'default', 'pod-0', '10.0.0.1', '443', '::1'),
  fc.string(),
  fc.string({ unit: 'binary' }),
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const texts = (...names: string[]): fc.Arbitrary<Record<string, string | undefined>> =>
  fc.record(Object.fromEntries(names.map((name) => [name, maybe(text)])));

const places = ['POD_NAME', 'POD_NAMESPACE', 'POD_UID'];
const servers = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT'];

property(
  'any variables and files of a service account: ERR_ or a Pod with valid names',
  400,
  [texts(...places, ...servers), texts('token', 'ca.crt', 'namespace')],
  async (variables, contents) => {
    const files = { token: 'token', 'ca.crt': certificate.cert, ...contents };
    using container = new Container({}, variables);
    for (const [name, content] of Object.entries<string | undefined>(files)) {
      if (content !== undefined) container.write(name, content);
    }
    try {
      const candidate = await identify(container, checkOptions('lock', {}));
      if (!candidate.credentials) return;
      expect(isDnsLabel(candidate.namespace)).toBe(true);
      expect(isDnsSubdomain(candidate.podName)).toBe(true);
    } catch (error) {
      expectTyped(error);
    }
  },
);

const cluster = fc.record({
  name: text,
  server: fc.oneof(text, hostileValue),
  skipTLSVerify: fc.boolean(),
});
const orNothing = <T>(value: fc.Arbitrary<T>) => fc.oneof(fc.constantFrom(null, undefined), value);

property(
  'a kubeConfig that says anything: ERR_ or a valid namespace',
  400,
  [orNothing(cluster), orNothing(fc.record({ namespace: hostileValue })), maybe(text)],
  async (saysCluster, saysContext, namespace) => {
    using container = new Container({}, { POD_NAMESPACE: namespace });
    const kubeConfig = {
      getCurrentCluster: () => saysCluster,
      getCurrentContext: () => 'context',
      getContextObject: () => saysContext,
      applyToHTTPSOptions: () => Promise.resolve(),
    } as unknown as KubeConfigLike;
    try {
      const place = await locate(container, { kubeConfig });
      expect(isDnsLabel(place.namespace)).toBe(true);
    } catch (error) {
      expectTyped(error);
    }
  },
);
