import type { ApiRequest } from '../../lib/kubernetes/transport.ts';
import type { ElectorSlot } from './lease-process.ts';
import type { Luck } from './luck.ts';
import type { World } from './world.ts';

/** An admission webhook: what it makes of each Lease that is written. */
export interface Webhook {
  /** No duration is longer. */
  readonly mostSeconds?: number;
  /** Every renewal has this time. */
  readonly renewTime?: string;
}

interface LeaseBody {
  readonly spec?: { readonly leaseDurationSeconds?: number };
}

/** That of this world, until everything is mended. */
export function webhookOf({ schedule }: World): Webhook | undefined {
  return schedule.setting['webhook'] as Webhook | undefined;
}

/** client-go does not compare what is stored with what it sent: there is none beside it. */
export function drawWebhook(luck: Luck, slots: readonly ElectorSlot[]): Webhook | undefined {
  if (slots.some(({ kind }) => kind === 'client-go') || luck.chance(0.85)) return undefined;
  const mostSeconds = luck.pick([1, 2, 3, 5]);
  return luck.chance(0.8) ? { mostSeconds } : { renewTime: '2020-01-01T00:00:00.000000Z' };
}

/** The request as it gets to be stored. */
export function admitted(webhook: Webhook | undefined, request: ApiRequest): ApiRequest {
  const isWrite = request.method === 'PUT' || request.method === 'POST';
  if (!webhook || !isWrite || !request.path.includes('/leases')) return request;
  const { spec = {}, ...body } = request.body as LeaseBody;
  const { mostSeconds, renewTime } = webhook;
  const { leaseDurationSeconds = 0 } = spec;
  const altered = {
    ...spec,
    leaseDurationSeconds: Math.min(leaseDurationSeconds, mostSeconds ?? leaseDurationSeconds),
    ...(renewTime !== undefined && { renewTime }),
  };
  return { ...request, body: { ...body, spec: altered } };
}
