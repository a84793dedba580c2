/**
 * Asks a real API server all exchanges and writes its answers to `answers.json`:
 *
 *     KUBECONFIG=… node spec/testing/real-answers/record.ts
 *
 * It needs an administrator's rights, in a cluster that nobody minds: it creates and deletes the
 * namespace `real-answers` many times, and a node.
 */
import { writeFile } from 'node:fs/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { Wire } from '../../contract/wire.ts';
import { toLines } from '../../support/lines.ts';
import { EXCHANGES } from './exchanges.ts';
import type { PlainAnswer } from './normalise.ts';
import { RECORDED } from './play.ts';
import { playOn } from './play-on.ts';

const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();
const admin = await Wire.of(kubeConfig);

const answers: Record<string, PlainAnswer[]> = {};
for (const group of Object.keys(EXCHANGES)) {
  answers[group] = await playOn(admin, group);
  console.log(group);
}
await writeFile(RECORDED, toLines(answers));
