import { describe, expect, it } from 'vitest';

import { toVersion } from '../../lib/kubernetes/lease.ts';
import { SETTINGS, aWatcher } from '../protocol/lease/fixtures.ts';

const TIME = '2026-01-01T00:00:00.000000Z';

const complete = {
  holderIdentity: 'other',
  leaseDurationSeconds: 30,
  acquireTime: TIME,
  renewTime: TIME,
  leaseTransitions: 3,
};

/** Without some of its fields. */
function without(...keys: (keyof typeof complete)[]) {
  return Object.fromEntries(
    Object.entries(complete).filter(([key]) => !keys.some((gone) => gone === key)),
  );
}

/** What an elector decides that finds a Lease with this spec, while it can watch. */
function onFinding(spec: unknown) {
  const metadata = { name: 'lock', uid: 'uid-1', resourceVersion: '7' };
  return aWatcher(toVersion({ metadata, spec }));
}

/** How electors of other libraries leave a Lease behind. */
const released: readonly (readonly [string, unknown, number])[] = [
  [
    "client-go's and kube-leader-election's",
    { ...complete, holderIdentity: '', leaseDurationSeconds: 1 },
    3,
  ],
  ["kubert's: only the transitions are left", { leaseTransitions: 3 }, 3],
  ['where only the time of acquiring is left', { acquireTime: TIME }, 0],
  ['where the holder was taken out', without('holderIdentity'), 3],
  ['where the holder is null', { ...complete, holderIdentity: null }, 3],
  ['of one made by hand, in advance, without a spec', undefined, 0],
];

describe("another elector's release", () => {
  it.each(released)('is understood: %s', (_, spec, transitions) => {
    const { command, version } = onFinding(spec);
    expect(command).toMatchObject({
      do: 'update',
      version,
      record: { holderIdentity: SETTINGS.identity, leaseTransitions: transitions + 1 },
    });
  });

  it("is understood: fabric8's, which keeps its name, for one second", () => {
    const { command } = onFinding({ ...complete, leaseDurationSeconds: 1 });
    expect(command).toMatchObject({ do: 'wait', untilMs: 1_000 });
  });
});

describe("another elector's lease", () => {
  it('counts as long as it says', () => {
    expect(onFinding(complete).command).toMatchObject({ do: 'wait', untilMs: 30_000 });
  });

  it.each([
    ["is left out, as @codedependant's does", without('leaseDurationSeconds')],
    ['is null', { ...complete, leaseDurationSeconds: null }],
    ['is 0', { ...complete, leaseDurationSeconds: 0 }],
  ])("counts as long as the reader's own where the duration %s", (_, spec) => {
    const { command } = onFinding(spec);
    expect(command).toMatchObject({ do: 'wait', untilMs: SETTINGS.leaseDurationMs });
  });

  it("counts from 0 transitions where those are left out, as Python's does", () => {
    const { version } = onFinding(without('leaseTransitions'));
    expect(version?.record.leaseTransitions).toBe(0);
  });

  it('counts although its times are left out', () => {
    const { command } = onFinding(without('acquireTime', 'renewTime'));
    expect(command).toMatchObject({ do: 'wait', untilMs: 30_000 });
  });
});

describe('what is written over it', () => {
  it.each([...released.map(([, spec]) => spec)])('is complete: %j', (spec) => {
    const { command } = onFinding(spec);
    if (command.do !== 'update') throw new Error('does not write');
    expect(command.record).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: TIME,
      renewTime: TIME,
      leaseTransitions: expect.any(Number),
    });
  });
});
