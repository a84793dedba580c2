import { afterAll, beforeAll, describe, type TestContext } from 'vitest';

import { leases } from './leases.ts';
import { objects } from './objects.ts';
import { owners } from './owners.ts';
import { podsAndNodes } from './pods.ts';
import { reading } from './reading.ts';
import { refusals } from './refusals.ts';
import { type ContractCluster, Space } from './space.ts';
import { watching } from './watching.ts';

/**
 * What the library relies on of the Kubernetes API, on whichever cluster: the same for the one in
 * the process and for real ones. Where they differ, the one in the process is mended.
 */
export function contract(clusterName: string, open: () => Promise<ContractCluster>): void {
  // At the same time, for some wait long for what a real cluster does in its own time.
  describe.concurrent(`the API that the library relies on, of ${clusterName}`, () => {
    let cluster: ContractCluster;
    let shared: Space;

    beforeAll(async () => {
      cluster = await open();
      shared = await Space.create(cluster);
    });

    afterAll(async () => {
      await shared.end();
      await cluster[Symbol.asyncDispose]();
    });

    /** A namespace for tests that count what is in it, or end it. */
    async function own({ onTestFinished }: TestContext): Promise<Space> {
      const space = await Space.create(cluster);
      onTestFinished(() => space.end());
      return space;
    }

    const space = () => shared;
    describe('objects', () => objects(space));
    describe('Leases', () => leases(space));
    describe('a watch', () => watching(space));
    describe('owners', () => owners(space));
    describe('Pods and nodes', () => podsAndNodes(space));
    describe('lists', () => reading(space, own));
    describe('a refusal', () => refusals(space, own));
  });
}
