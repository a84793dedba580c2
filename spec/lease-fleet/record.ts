/**
 * Has client-go go through all stages on a real API server, and writes down what it wrote and what
 * was stored, to `fixtures/client-go.json`:
 *
 *     KUBECONFIG=… node spec/lease-fleet/record.ts
 */
import { writeFile } from 'node:fs/promises';
import { toLines } from '../support/lines.ts';
import { KubeConfig } from '@kubernetes/client-node';
import { plainStages } from './plain.ts';
import { play } from './stages.ts';

const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();
const stages = plainStages(await play('client-go', kubeConfig));
const file = new URL('fixtures/client-go.json', import.meta.url);
await writeFile(file, toLines(stages));
