import { describe, expect, it, vi } from 'vitest';

import { LeaderHealthzAdaptor } from '../../lib/lease/healthz.ts';

describe('the health of an elector', () => {
  it("has the name of client-go's check", () => {
    expect(new LeaderHealthzAdaptor(0).name).toBe('leaderElection');
  });

  it('is good before there is one', () => {
    expect(() => {
      new LeaderHealthzAdaptor(20_000).check();
    }).not.toThrow();
  });

  it.each([0, 0.5, 20_000])('is what it says itself, with %d ms of patience', (timeoutMs) => {
    const adaptor = new LeaderHealthzAdaptor(timeoutMs);
    const check = vi.fn();
    adaptor.setLeaderElection({ check });
    adaptor.check();
    expect(check).toHaveBeenCalledExactlyOnceWith(timeoutMs);
    check.mockImplementation(() => {
      throw new Error('ill');
    });
    expect(() => {
      adaptor.check();
    }).toThrow('ill');
  });

  it('is that of the elector that was set last', () => {
    const adaptor = new LeaderHealthzAdaptor(0);
    const [first, second] = [vi.fn(), vi.fn()];
    adaptor.setLeaderElection({ check: first });
    adaptor.setLeaderElection({ check: second });
    adaptor.check();
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledOnce();
  });

  it.each([-1, NaN, Infinity, 2 ** 31, '20', undefined, null])(
    'is not asked with %j ms of patience',
    (timeoutMs) => {
      expect(() => new LeaderHealthzAdaptor(timeoutMs as number)).toThrow(
        /^timeoutMs must be a number of milliseconds, more than 0 and at most/,
      );
    },
  );

  it.each([undefined, null, {}, { check: 1 }, 'elector'])('is not that of %j', (elector) => {
    const adaptor = new LeaderHealthzAdaptor(0);
    expect(() => {
      adaptor.setLeaderElection(elector as never);
    }).toThrow(/^elector must be a LeaderElector, but is /);
  });
});
