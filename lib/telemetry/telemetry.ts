/** Attributes of metrics, spans and logs. */
export type Attributes = Readonly<Record<string, string | number>>;

/** Takes the value of an observable instrument. */
export interface Observation {
  /** Reports a value. */
  observe(value: number, attributes: Attributes): void;
}

/** An instrument whose values are asked for. */
export interface ObservableInstrument {
  /** Calls this whenever the values are asked for. */
  addCallback(callback: (observation: Observation) => void): void;
  /** Undoes `addCallback`. */
  removeCallback(callback: (observation: Observation) => void): void;
}

/** Description of an instrument. */
export interface InstrumentDescription {
  readonly description: string;
  readonly unit?: string;
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
}

/** The part of OpenTelemetry's `Meter` that is used. */
export interface ElectionMeter {
  /** Makes a gauge. */
  createObservableGauge(name: string, description: InstrumentDescription): ObservableInstrument;
  /** Makes a counter. */
  createObservableCounter(name: string, description: InstrumentDescription): ObservableInstrument;
  /** Makes a histogram. */
  createHistogram(
    name: string,
    description: InstrumentDescription,
  ): {
    /** Adds a value. */
    record(value: number, attributes: Attributes): void;
  };
}

/** The part of OpenTelemetry's `Span` that is used. */
export interface ElectionSpan {
  /** Sets an attribute. */
  setAttribute(key: string, value: string | number): unknown;
  /** Sets the outcome; 2 is an error. */
  setStatus(status: { readonly code: number; readonly message: string }): unknown;
  /** Ends the span now. */
  end(): void;
}

/** The part of OpenTelemetry's `Tracer` that is used. */
export interface ElectionTracer {
  /** Starts a span now. */
  startSpan(
    name: string,
    options: { readonly root: boolean; readonly attributes: Attributes },
  ): ElectionSpan;
}

/** A log record as OpenTelemetry's `Logger` takes it. */
export interface ElectionLogRecord {
  readonly eventName: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly body: string;
  readonly attributes: Attributes;
}

/** The part of OpenTelemetry's `Logger` that is used. */
export interface ElectionLogger {
  /** Emits a log record. */
  emit(record: ElectionLogRecord): void;
}
