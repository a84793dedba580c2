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

/** What an elector decides that finds a Lease with this spec, while it can watch. */
function onFinding(spec: unknown) {
  const metadata = { name: 'lock', uid: 'uid-1', resourceVersion: '7' };
  return aWatcher(toVersion({ metadata, spec }));
}

it.each<[string, unknown, number]>([
  [
    "client-go's and kube-leader-election's",
    { ...complete, holderIdentity: '', leaseDurationSeconds: 1 },
    3,
  ],
  ["kubert's: only the transitions are left", { leaseTransitions: 3 }, 3],
  ['one where only the time of acquiring is left', { acquireTime: TIME }, 0],
  ['one where the holder was taken out', { ...complete, holderIdentity: undefined }, 3],
  ['one where the holder is null', { ...complete, holderIdentity: null }, 3],
  ['a Lease made by hand, in advance, without a spec', undefined, 0],
])(
  "another elector's release is understood, and a complete record written: %s",
  (_, spec, transitions) => {
    const { command, version } = onFinding(spec);
    const record = {
      holderIdentity: SETTINGS.identity,
      leaseDurationSeconds: 15,
      acquireTime: TIME,
      renewTime: TIME,
      leaseTransitions: transitions + 1,
    };
    expect(command).toEqual({ do: 'update', version, record });
  },
);

describe("LEASE-2: another elector's lease counts", () => {
  const own = SETTINGS.leaseDurationMs;

  it.each<[string, object, number]>([
    ['as long as it says', {}, 30_000],
    [
      "for a second when it was released by fabric8's, which keeps its name",
      { leaseDurationSeconds: 1 },
      1_000,
    ],
    [
      "as long as the reader's own if that is left out, as @codedependant's does",
      { leaseDurationSeconds: undefined },
      own,
    ],
    ["as long as the reader's own if that is null", { leaseDurationSeconds: null }, own],
    ["as long as the reader's own if that is 0", { leaseDurationSeconds: 0 }, own],
    ['although its times are left out', { acquireTime: undefined, renewTime: undefined }, 30_000],
  ])('%s', (_, changes, untilMs) => {
    const spec = JSON.parse(JSON.stringify({ ...complete, ...changes })) as unknown;
    expect(onFinding(spec).command).toEqual({ do: 'wait', untilMs });
  });

  it("from 0 transitions if those are left out, as Python's does", () => {
    const { leaseTransitions: _, ...spec } = complete;
    expect(onFinding(spec).version?.record.leaseTransitions).toBe(0);
  });
});
