/** By it, whoever edits the Lease by hand leaves a trace. */
export const HAND = 'by-hand';

interface LeaseLike {
  readonly metadata?: {
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, string | number | null | undefined>>;
}

/** What of a Lease decides: whoever sees this change knows that its holder lives. */
export interface LeaseRecord {
  readonly uid: string | undefined;
  readonly version: string | undefined;
  /** Differs after each edit by hand. */
  readonly hand: string | undefined;
  readonly holderIdentity: string;
  /** Its holder is asked to hand over: by name, or because another one is preferred. */
  readonly isHolderAsked: boolean;
  readonly leaseDurationSeconds: number | undefined;
  readonly leaseTransitions: number;
  readonly acquireTime: string | undefined;
  readonly renewTime: string | undefined;
  /** The same for two Leases if nothing that decides is different. */
  readonly key: string;
}

/** Of a Lease, or of what is to be written into one. */
export function recordOf(lease: unknown): LeaseRecord {
  const { metadata = {}, spec } = (lease ?? {}) as LeaseLike;
  const given = spec ?? {};
  const text = (name: string) => (given[name] ?? undefined) as string | undefined;
  const number = (name: string) => (given[name] ?? undefined) as number | undefined;
  const holder = text('holderIdentity') ?? '';
  const decisive = ['holderIdentity', 'leaseDurationSeconds', 'leaseTransitions'];
  const key = [...decisive, 'acquireTime', 'renewTime'].map((name) => given[name]);
  return {
    uid: metadata.uid,
    version: metadata.resourceVersion,
    hand: metadata.annotations?.[HAND],
    holderIdentity: holder,
    isHolderAsked:
      holder !== '' &&
      (metadata.annotations?.['leader-for-life/step-down'] === holder ||
        ![undefined, '', holder].includes(text('preferredHolder'))),
    leaseDurationSeconds: number('leaseDurationSeconds'),
    leaseTransitions: number('leaseTransitions') ?? 0,
    acquireTime: text('acquireTime'),
    renewTime: text('renewTime'),
    key: JSON.stringify([metadata.uid, ...key]),
  };
}
