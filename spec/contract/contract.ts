import { describe } from 'vitest';

import { leases } from './leases.ts';
import { objects } from './objects.ts';
import { owners } from './owners.ts';
import { podsAndNodes } from './pods.ts';
import { reading } from './reading.ts';
import { refusals } from './refusals.ts';
import { rights } from './rights.ts';
import type { ContractTest } from './space.ts';
import { watching } from './watching.ts';

/**
 * What the library relies on of the Kubernetes API, on whichever cluster: the same for the one in
 * the process and for real ones. Where they differ, the one in the process is mended.
 */
export function contract(clusterName: string, it: ContractTest): void {
  // At the same time, for some wait long for what a real cluster does in its own time.
  describe.concurrent(`the API that the library relies on, of ${clusterName}`, () => {
    describe('objects', () => objects(it));
    describe('Leases', () => leases(it));
    describe('a watch', () => watching(it));
    describe('owners', () => owners(it));
    describe('Pods and nodes', () => podsAndNodes(it));
    describe('lists', () => reading(it));
    describe('a refusal', () => refusals(it));
    describe('rights', () => rights(it));
  });
}
