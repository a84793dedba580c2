import { checkProperties, having, matching } from '../checks.ts';
import { badArgument } from '../errors.ts';
import type { ElectionEvent } from '../events/event.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { messageOf } from '../platform/printable.ts';
import { warn } from '../platform/warn.ts';
import { Warnings } from '../platform/warnings.ts';
import { type Pod, identifyingAttributes } from './attributes.ts';
import { codeOf } from './families.ts';
import { Instruments } from './instruments.ts';
import { Spans } from './spans.ts';
import { onEveryEvent } from './subscription.ts';
import type { Attributes, ElectionLogger, ElectionMeter, ElectionTracer } from './telemetry.ts';

export type {
  Attributes,
  ElectionLogRecord,
  ElectionLogger,
  ElectionMeter,
  ElectionSpan,
  ElectionTracer,
  InstrumentDescription,
  ObservableInstrument,
  Observation,
} from './telemetry.ts';

/** Where the telemetry of elections goes: to what is given. */
export interface TelemetryOptions {
  /** Gets the metrics. */
  readonly meter?: ElectionMeter | undefined;
  /** Gets a span for each wait to lead, and for each term. */
  readonly tracer?: ElectionTracer | undefined;
  /** Gets the events `leader_election.acquired`, `.lost` and `.released`. */
  readonly logger?: ElectionLogger | undefined;
  /**
   * Name of this Pod, for spans and logs.
   * @default `POD_NAME`; in life mode, the candidate's
   */
  readonly podName?: string | undefined;
  /**
   * UID of this Pod, for spans and logs.
   * @default `POD_UID`
   */
  readonly podUid?: string | undefined;
}

const checkText = matching((text) => text !== '', 'a string that is not empty');

const checks = {
  meter: having(['createObservableGauge', 'createHistogram'], 'a Meter of OpenTelemetry'),
  tracer: having(['startSpan'], 'a Tracer of OpenTelemetry'),
  logger: having(['emit'], 'a Logger of OpenTelemetry'),
  podName: checkText,
  podUid: checkText,
};

/** Severities of OpenTelemetry. */
const severities = { info: 9, error: 17 } as const;

/**
 * Gives metrics, spans and log events of every election of this process to OpenTelemetry, in both
 * modes: see `docs/monitoring.md`. Call it before the first election begins; elections that run
 * already are seen from their next event on.
 *
 * @returns a function that ends this, and the spans that are open
 * @throws `TypeError` that names the first bad option and its value, or if there is nothing to give
 *   the telemetry to
 *
 * @example
 * import { metrics, trace } from '@opentelemetry/api';
 * const name = 'leader-for-life';
 * collectElections({ meter: metrics.getMeter(name), tracer: trace.getTracer(name) });
 */
export function collectElections(options: TelemetryOptions): () => void;
/** @internal */ // eslint-disable-next-line @typescript-eslint/unified-signatures
export function collectElections(options: TelemetryOptions, clock: Clock): () => void;
export function collectElections(
  options: TelemetryOptions,
  clock: Clock = systemClock,
): () => void {
  checkProperties('options', options, checks);
  const { meter, tracer, logger } = options;
  if (!meter && !tracer && !logger) {
    throw badArgument('options must have a meter, a tracer or a logger, but has none of them');
  }
  const pod = {
    podName: options.podName ?? process.env['POD_NAME'],
    podUid: options.podUid ?? process.env['POD_UID'],
  };
  const instruments = meter && new Instruments(clock, meter);
  const spans = tracer && new Spans(tracer, pod);
  const warnings = new Warnings(clock, warn);
  // What a subscriber of the channel throws would end the process, and with it the leader.
  const guarded = (name: keyof TelemetryOptions, note: () => void) => {
    try {
      note();
    } catch (error) {
      const gaps = 'The elections go on, but their telemetry has gaps.';
      warnings.give('telemetry', `options.${name} threw: ${messageOf(error)}. ${gaps}`);
    }
  };
  const unsubscribe = onEveryEvent((event) => {
    guarded('meter', () => instruments?.note(event));
    guarded('tracer', () => spans?.note(event));
    guarded('logger', () => logger && log(logger, event, pod));
  });
  return () => {
    unsubscribe();
    instruments?.close();
    spans?.close();
  };
}

function log(logger: ElectionLogger, event: ElectionEvent, pod: Pod): void {
  const emit = (eventName: string, severity: keyof typeof severities, own: Attributes) => {
    logger.emit({
      eventName: `leader_election.${eventName}`,
      severityNumber: severities[severity],
      severityText: severity.toUpperCase(),
      body: event.message,
      attributes: { ...identifyingAttributes(event, pod), ...own },
    });
  };
  if (event.type === 'leading') {
    emit('acquired', 'info', { 'leader_election.fencing_token': event.fencingToken });
  }
  if (event.type === 'lost') emit('lost', 'error', { 'error.type': codeOf(event.error) });
  if (event.type === 'released') emit('released', 'info', {});
}
