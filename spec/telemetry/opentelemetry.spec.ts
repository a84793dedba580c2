import { channel } from 'node:diagnostics_channel';

import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from '@opentelemetry/sdk-logs';
import { type DataPoint, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { afterEach, describe, expect, test } from 'vitest';

import type { LeaseLeadership } from '../../lib/lease/lead.ts';
import { type TelemetryOptions, collectElections } from '../../lib/telemetry/opentelemetry.ts';
import { endless } from '../lease/scene.ts';
import { LeaseProcess, untilAborted } from '../lease/simulation.ts';
import { Simulation } from '../life/simulation.ts';

/** Collects when it is asked to. */
class Reader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

const stops: (() => void)[] = [];

afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A simulated world with the SDKs of OpenTelemetry. */
async function world(options: Partial<TelemetryOptions> = {}) {
  const simulation = await Simulation.withPods();
  const reader = new Reader();
  const spanExporter = new InMemorySpanExporter();
  const logExporter = new InMemoryLogRecordExporter();
  const meter = new MeterProvider({ readers: [reader] }).getMeter('spec');
  const tracer = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter: spanExporter })],
  }).getTracer('spec');
  const logger = new LoggerProvider({
    processors: [new SimpleLogRecordProcessor({ exporter: logExporter })],
  }).getLogger('spec');
  const given = { meter, tracer, logger, podUid: 'uid-of-a', ...options };
  const stop = collectElections(given, simulation.clock);
  stops.push(stop);
  const points = async (wanted: string): Promise<DataPoint<unknown>[]> => {
    const { resourceMetrics } = await reader.collect();
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    const found = metrics.find(({ descriptor }) => descriptor.name === wanted);
    return found?.dataPoints ?? [];
  };
  const spans = () =>
    spanExporter.getFinishedSpans().map(({ name, status, attributes }) => ({
      ...{ name, status, attributes },
    }));
  const logs = () => logExporter.getFinishedLogRecords();
  return { simulation, points, spans, logs, stop };
}

const ofLease = {
  'leader_election.name': 'lock',
  'k8s.namespace.name': 'default',
  'leader_election.mode': 'lease',
};

describe('the metrics', () => {
  test('are those of Prometheus', async () => {
    const { simulation, points } = await world();
    const a = new LeaseProcess(simulation, 'a');
    const stop = new AbortController();
    const leading = a.lead(untilAborted, { signal: stop.signal });
    await simulation.clock.advance(5_000);
    expect(await points('leader_election.master_status')).toMatchObject([
      { value: 1, attributes: { 'leader_election.name': 'lock' } },
    ]);
    const [remaining] = await points('leader_for_life.remaining');
    expect(remaining?.attributes).toEqual(ofLease);
    expect(remaining?.value).toBeGreaterThan(8);
    expect(await points('leader_for_life.renew_duration')).toMatchObject([
      { attributes: ofLease, value: { count: 2 } },
    ]);
    expect(await points('leader_for_life.losses')).toMatchObject([
      { value: 0, attributes: { ...ofLease, 'error.type': 'ERR_LEADERSHIP_LOST' } },
    ]);
    stop.abort();
    await simulation.settled(leading).catch(() => undefined);
    const status = await points('leader_election.master_status');
    expect(status).toMatchObject([{ value: 0, attributes: { 'leader_election.name': 'lock' } }]);
    expect(await points('leader_for_life.remaining')).toMatchObject([{ value: 0 }]);
  });

  test('end when they are stopped', async () => {
    const { simulation, points, stop } = await world();
    void new LeaseProcess(simulation, 'a').lead(untilAborted);
    await simulation.clock.advance(1_000);
    stop();
    expect(await points('leader_election.master_status')).toEqual([]);
  });
});

describe('the spans and logs', () => {
  test('of become name the Pod: a wait, then a term that is released', async () => {
    const { simulation, spans, logs } = await world();
    const first = await simulation.lead('a');
    await simulation.settled(first.release());
    const attributes = {
      'leader_election.name': 'lock',
      'k8s.namespace.name': 'default',
      'leader_election.mode': 'life',
      'leader_election.identity': 'a',
      'k8s.pod.name': 'a',
      'k8s.pod.uid': 'uid-of-a',
    };
    const token = { 'leader_election.fencing_token': first.fencingToken };
    expect(spans()).toEqual([
      { name: 'leader_election.wait', status: { code: 0 }, attributes },
      {
        ...{ name: 'leader_election.term', status: { code: 0 } },
        attributes: { ...attributes, ...token },
      },
    ]);
    expect(logs()).toMatchObject([
      {
        ...{ eventName: 'leader_election.acquired', severityNumber: 9, severityText: 'INFO' },
        attributes: { ...attributes, ...token },
      },
      { eventName: 'leader_election.released', body: 'released by Pod a', attributes },
    ]);
  });

  test('of a Lease tell a loss, and that it waits and leads again', async () => {
    const { simulation, spans, logs, stop } = await world({ podName: 'my-pod' });
    const a = new LeaseProcess(simulation, 'a');
    a.lead(untilAborted, { recampaign: true }).catch(() => undefined);
    await simulation.clock.advance(3_000);
    const fault = simulation.fault({ error: { status: 503 } });
    await simulation.clock.advance(20_000);
    fault.remove();
    await simulation.clock.advance(30_000);
    expect(spans()).toMatchObject([
      { name: 'leader_election.wait', status: { code: 0 } },
      {
        ...{ name: 'leader_election.term', status: { code: 2 } },
        attributes: { 'error.type': 'ERR_LEADERSHIP_LOST', 'k8s.pod.name': 'my-pod' },
      },
      { name: 'leader_election.wait', status: { code: 0 } },
    ]);
    expect(logs().map(({ eventName, severityText }) => [eventName, severityText])).toEqual([
      ['leader_election.acquired', 'INFO'],
      ['leader_election.lost', 'ERROR'],
      ['leader_election.acquired', 'INFO'],
    ]);
    stop();
    expect(spans()).toHaveLength(4);
  });

  test('of a term end when work is given up, with an error', async () => {
    const { simulation, spans } = await world();
    const work = (leadership: LeaseLeadership) => {
      void leadership.stepDown();
      return endless();
    };
    void new LeaseProcess(simulation, 'a').lead(work, { recampaign: true });
    await simulation.clock.advance(11_000);
    expect(spans().at(-1)).toMatchObject({
      ...{ name: 'leader_election.term', status: { code: 2 } },
      attributes: { 'error.type': 'ERR_WORK_ABANDONED' },
    });
  });

  test('of a term end at the next wait, if the Lease could not be released', async () => {
    const { simulation, spans, stop } = await world();
    const work = (leadership: LeaseLeadership) => {
      simulation.fault({ error: { status: 503 } });
      void leadership.stepDown();
    };
    void new LeaseProcess(simulation, 'a').lead(work, { recampaign: true });
    await simulation.clock.advance(20_000);
    stop();
    expect(spans()).toMatchObject([
      { name: 'leader_election.wait', status: { code: 0 } },
      { name: 'leader_election.term', status: { code: 0 } },
      { name: 'leader_election.wait', status: { code: 0 } },
    ]);
  });

  test('of a term are not ended by a second call that is refused', async () => {
    const { simulation, spans } = await world();
    const process = simulation.process('a');
    await simulation.settled(process.become());
    await simulation.settled(process.become()).catch(() => undefined);
    expect(spans()).toMatchObject([{ name: 'leader_election.wait' }]);
  });

  test('of a wait that is over tell why', async () => {
    const { simulation, spans } = await world();
    await simulation.lead('b');
    const waiting = simulation.become('a', { timeoutMs: 1_000 });
    await simulation.settled(waiting).catch(() => undefined);
    expect(spans().at(-1)).toMatchObject({
      name: 'leader_election.wait',
      attributes: { 'error.type': 'ERR_TIMEOUT' },
    });
  });
});

test('what is not given is not needed', async () => {
  const { simulation, spans, logs, points } = await world({ meter: undefined, logger: undefined });
  const leadership = await simulation.lead('a');
  await simulation.settled(leadership.release());
  expect([spans().length, logs().length]).toEqual([2, 0]);
  expect(await points('leader_election.master_status')).toEqual([]);
});

test('what throws costs no election, and nothing that another one is given', async () => {
  const warnings: unknown[] = [];
  const onWarning = ({ message }: Error) => warnings.push(message);
  process.on('warning', onWarning);
  stops.push(() => process.off('warning', onWarning));
  const startSpan = () => {
    throw new Error('no exporter');
  };
  const { simulation, logs } = await world({ tracer: { startSpan } });
  const leadership = await simulation.lead('a');
  await simulation.settled(leadership.release());
  expect(logs().map(({ eventName }) => eventName)).toEqual([
    'leader_election.acquired',
    'leader_election.released',
  ]);
  expect(warnings).toEqual([
    'options.tracer threw: no exporter. The elections go on, but their telemetry has gaps.',
  ]);
});

test.each([
  [{}, /^options must have a meter, a tracer or a logger/],
  [{ meter: {} }, 'options.meter must be a Meter of OpenTelemetry, but is an object'],
  [{ tracers: {} }, 'options.tracers is not an option. Did you mean tracer?'],
  [{ podName: '' }, 'options.podName must be a string that is not empty, but is ""'],
])('%j is refused', (options, message) => {
  const { hasSubscribers } = channel('leader-for-life');
  expect(() => collectElections(options as TelemetryOptions)).toThrow(message);
  expect(channel('leader-for-life').hasSubscribers).toBe(hasSubscribers);
});
