import { KubeConfig } from '@kubernetes/client-node';
import { beforeAll, describe, test } from 'vitest';

import { EXCHANGES } from '../testing/real-answers/exchanges.ts';
import { recorded, titled } from '../testing/real-answers/play.ts';
import { playOn } from '../testing/real-answers/play-on.ts';
import { Wire } from './wire.ts';

/** Other versions put some things in other words. */
const RECORDED_ON = '1.36';

/**
 * The answers to which the cluster in the process is held, asked for again. Their namespace has a
 * name that somebody else's may have: `foreign` is why they are not asked for.
 */
export function recordedAnswers(kubeConfigPath: string, foreign: string | undefined): void {
  describe.concurrent('a real Kubernetes answers as it was recorded', () => {
    let admin: Wire;
    let version: string;

    beforeAll(async () => {
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromFile(kubeConfigPath);
      admin = await Wire.of(kubeConfig);
      const { text } = await admin.send('GET', '/version');
      const { major, minor } = JSON.parse(text) as { major: string; minor: string };
      version = `${major}.${minor.replace(/\D/g, '')}`;
    });

    // One after the other: all play in the same namespace.
    test.for(Object.keys(EXCHANGES))('%s', { concurrent: false }, async (group, context) => {
      context.skip(foreign !== undefined, foreign);
      const why = `this is Kubernetes ${version}, recorded was ${RECORDED_ON}`;
      context.skip(version !== RECORDED_ON, why);
      const answers = await playOn(admin, group);
      context.expect(titled(group, answers)).toEqual(titled(group, recorded[group]));
    });
  });
}
