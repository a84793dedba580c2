import { describe, expect, it } from 'vitest';
import { Releases } from '../lib/release.ts';

const lock = { uid: 'uid', resourceVersion: '1', deleting: false, finalizers: [] };
const creator = {};
const other = {};

describe('calls of one process that share a lock', () => {
  it('leave it to who has claimed it, who takes it back if he does not lead', async () => {
    const releases = new Releases();
    expect(releases.claim(lock, other)).toBe(true);
    const removed = releases.takeBack(lock, () => Promise.reject(new Error('not to be removed')));
    expect(await removed).toBe(true);
    expect(releases.disclaim(other)).toEqual(lock);
    expect(releases.disclaim(other)).toBeUndefined();
  });

  it('claim none that is being taken back, nor afterwards', async () => {
    const releases = new Releases();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const removed = releases.takeBack(lock, () => promise);
    expect(releases.claim(lock, other)).toBe(false);
    resolve(true);
    await removed;
    expect(releases.claim(lock, creator)).toBe(false);
  });

  it('claim none while any of them deletes it, though another could not', async () => {
    const releases = new Releases();
    const last = Promise.withResolvers<boolean>();
    const first = releases.takeBack(lock, () => Promise.reject(new Error('no answer')));
    const second = releases.takeBack(lock, () => last.promise);
    await expect(first).rejects.toThrow('no answer');
    expect(releases.isEnding(lock)).toBe(true);
    expect(releases.claim(lock, other)).toBe(false);
    const settled = releases.settled(lock);
    last.resolve(true);
    await Promise.all([second, settled]);
    expect(releases.isEnding(lock)).toBe(false);
  });

  it('claim it again when it could not be taken back', async () => {
    const releases = new Releases();
    expect(await releases.takeBack(lock, () => Promise.resolve(false))).toBe(false);
    expect(releases.claim(lock, other)).toBe(true);
  });
});
