import { describe, expect, it, vi } from 'vitest';

import { LeaderHealthzAdaptor } from '../../lib/lease/healthz.ts';

describe('the health of an elector', () => {
  it("has the name of client-go's check, and is good before there is an elector", () => {
    const adaptor = new LeaderHealthzAdaptor(20_000);
    expect(adaptor.name).toBe('leaderElection');
    expect(() => adaptor.check()).not.toThrow();
  });

  it.each([0, 0.5, 20_000])('is what the last elector says, after %d ms of patience', (ms) => {
    const adaptor = new LeaderHealthzAdaptor(ms);
    const [first, check] = [vi.fn(), vi.fn()];
    adaptor.setLeaderElection({ check: first });
    adaptor.setLeaderElection({ check });
    adaptor.check();
    expect(first).not.toHaveBeenCalled();
    expect(check).toHaveBeenCalledExactlyOnceWith(ms);
    check.mockImplementation(() => {
      throw new Error('ill');
    });
    expect(() => adaptor.check()).toThrow('ill');
  });

  it.each([-1, NaN, Infinity, 2 ** 31, '20', undefined, null])('refuses %j ms', (timeoutMs) => {
    expect(() => new LeaderHealthzAdaptor(timeoutMs as number)).toThrow(
      /^timeoutMs must be a number of milliseconds, more than 0 and at most/,
    );
  });

  it.each([undefined, null, {}, { check: 1 }, 'elector'])('is not that of %j', (elector) => {
    const adaptor = new LeaderHealthzAdaptor(0);
    expect(() => adaptor.setLeaderElection(elector as never)).toThrow(
      /^elector must be a LeaderElector, but is /,
    );
  });
});
