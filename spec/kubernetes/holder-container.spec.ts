import { describe, expect, it } from 'vitest';
import {
  annotated,
  containerOf,
  hasEnded,
  hasSeveral,
  runningContainer,
} from '../../lib/kubernetes/holder-container.ts';
import type { Json } from '../../lib/kubernetes/json.ts';

const container = {
  ...{ podName: 'pod', podUid: 'uid', containerName: 'app', containerId: 'containerd://1' },
  since: '2026-01-01T00:00:10.900Z',
};
const record = {
  ...{ holderIdentity: 'me', leaseDurationSeconds: 15, leaseTransitions: 0 },
  ...{ acquireTime: '2026-01-01T00:00:11.000000Z', renewTime: '2026-01-01T00:00:12.000000Z' },
};

const running = (name: string, id = `containerd://${name}`): Json => ({
  ...{ name, containerID: id },
  state: { running: { startedAt: '2026-01-01T00:00:10Z' } },
});
const pod = (status: Json, spec: Json = {}): Json => ({
  metadata: { name: 'pod', uid: 'uid' },
  spec,
  status: { phase: 'Running', ...status },
});

describe('the annotations of a record', () => {
  it('are read as they were written, and keep the others', () => {
    const stored = annotated({ theirs: 'kept' }, record, container);
    expect(stored['theirs']).toBe('kept');
    expect(containerOf(stored, record)).toEqual(container);
  });

  it('go when the holder releases, or does not know its container', () => {
    const stored = annotated({ theirs: 'kept' }, record, container);
    const released = { ...record, holderIdentity: '' };
    expect(annotated(stored, released, container)).toEqual({ theirs: 'kept' });
    expect(annotated(stored, record, undefined)).toEqual({ theirs: 'kept' });
  });

  it.each<[string, Partial<typeof record>, Json]>([
    ['another holder wrote it', { holderIdentity: 'you' }, {}],
    ['another renewal was written since', { renewTime: '2026-01-01T00:00:14.000000Z' }, {}],
    ['nobody holds the lock', { holderIdentity: '' }, {}],
    ['there is no container ID', {}, { 'leader-for-life/container-id': '' }],
    ['the name is no Pod name, and would be a path', {}, { 'leader-for-life/pod-name': '../x' }],
  ])('do not count if %s', (_, changes, annotations) => {
    const stored = { ...annotated({}, record, container), ...annotations };
    expect(containerOf(stored, { ...record, ...changes })).toBeUndefined();
  });
});

describe('the own container', () => {
  const both = { containerStatuses: [running('app'), running('sidecar')] };

  it.each<[string, Json, string | undefined, string | undefined]>([
    ['the only one that runs', { containerStatuses: [running('app')] }, undefined, 'app'],
    ['the one that is named', both, 'sidecar', 'sidecar'],
    ['an init container', { initContainerStatuses: [running('first')] }, undefined, 'first'],
    ['unknown if two run and none is named', both, undefined, undefined],
    ['unknown if none has that name', both, 'other', undefined],
    ['unknown if none runs', { containerStatuses: [{ name: 'app', state: {} }] }, 'app', undefined],
    ['unknown without an ID', { containerStatuses: [running('app', '')] }, 'app', undefined],
  ])('is %s', (_, status, name, expected) => {
    expect(runningContainer(pod(status), name)?.containerName).toBe(expected);
  });

  it.each<[string, Json, boolean]>([
    ['one container', { containers: [{}] }, false],
    ['one, after an init container', { containers: [{}], initContainers: [{}] }, false],
    ['a sidecar', { containers: [{}], initContainers: [{ restartPolicy: 'Always' }] }, true],
    ['two containers', { containers: [{}, {}] }, true],
  ])('runs beside others: %s', (_, spec, expected) => {
    expect(hasSeveral(pod({}, spec))).toBe(expected);
  });
});

describe('the end of a container', () => {
  const end = (containerID: string, finishedAt: string) => ({
    terminated: { exitCode: 137, containerID, finishedAt },
  });
  const mine = end('containerd://1', '2026-01-01T00:00:20Z');

  it.each<[string, Json | 'absent', boolean]>([
    ['its Pod is gone', 'absent', true],
    ['another Pod has its name', { ...pod({}), metadata: { name: 'pod', uid: 'other' } }, true],
    ['its state', pod({ containerStatuses: [{ name: 'app', state: mine }] }), true],
    ['its last state', pod({ containerStatuses: [{ name: 'app', lastState: mine }] }), true],
    ['a sidecar’s', pod({ initContainerStatuses: [{ name: 'app', lastState: mine }] }), true],
    [
      'another container’s',
      pod({
        containerStatuses: [
          { name: 'app', lastState: end('containerd://0', '2026-01-01T00:00:20Z') },
        ],
      }),
      false,
    ],
    [
      'in the second in which its process began',
      pod({
        containerStatuses: [
          { name: 'app', lastState: end('containerd://1', '2026-01-01T00:00:10Z') },
        ],
      }),
      false,
    ],
    [
      'without a time',
      pod({ containerStatuses: [{ name: 'app', lastState: end('containerd://1', '') }] }),
      false,
    ],
    ['a Pod that has failed and says nothing of containers', pod({ phase: 'Failed' }), false],
    ['an empty status', pod({}), false],
  ])('is told by %s', (_, found, expected) => {
    expect(hasEnded(found, container)).toBe(expected);
  });
});
