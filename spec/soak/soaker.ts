// The process that a soak watches: many handovers, one lap after another, and what it holds on to
// after each. Is told what to do in its first argument; says what it finds in JSON lines.
import { KubeConfig } from '@kubernetes/client-node';
import { LAPS, type Lap, WARM_UP, type Message, type Order } from './course.ts';
import { modeOf } from './modes.ts';
import { Observer } from './observer.ts';
import { Rotation } from './rotation.ts';
import { resources, vitals } from './vitals.ts';

/** Beside the one that changes hands most often. */
const LOCKS = 20;
/** Its share of all handovers. */
const SHARE = 0.2;

const order = JSON.parse(process.argv[2] ?? '') as Order;
const warnings: string[] = [];
const rejections: string[] = [];
process.on('warning', (warning) => {
  // That of counting objects, which only we do.
  if (warning.name !== 'ExperimentalWarning') warnings.push(warning.stack ?? warning.message);
});
process.on('unhandledRejection', (reason) => rejections.push(String(reason)));

const forever = new AbortController();
const { signal } = forever;
const kubeConfig = new KubeConfig();
kubeConfig.loadFromFile(order.kubeconfig);
const mode = modeOf(order.mode, { ...order, kubeConfig, signal });
const candidates = Object.keys(order.uids);
const rotations = Array.from(
  { length: LOCKS + 1 },
  (_, index) => new Rotation(`lock-${index}`, candidates, mode.contend),
);
const [busiest, ...others] = rotations as [Rotation, ...Rotation[]];

const observer = new Observer(mode, 'lock-0');
await observer.opened;
await rotateUntil(WARM_UP);
const before = await vitals(signal, observer.resources);
say({ warm: { ...totals(), seen: observer.seen, vitals: before } });
for (let lap = 1; lap <= LAPS; lap += 1) {
  await rotateUntil(WARM_UP + (order.handovers * lap) / LAPS);
  const found = await vitals(signal, before.resources);
  say({ lap: { ...totals(), seen: observer.seen, vitals: found } });
}
await observer.close();
const after = await vitals(signal, {});
say({ end: { resources: resources(), warnings, rejections, listeners: after.listeners } });

/** Until there have been so many handovers in all. */
async function rotateUntil(handovers: number): Promise<void> {
  const share = ((1 - SHARE) * handovers) / LOCKS;
  await Promise.all([
    busiest.until(SHARE * handovers),
    ...others.map((rotation) => rotation.until(share)),
  ]);
}

function totals(): Pick<Lap, 'handovers' | 'terms' | 'givenUp'> {
  const total = (count: 'handovers' | 'terms' | 'givenUp') =>
    rotations.reduce((sum, rotation) => sum + rotation[count], 0);
  return { handovers: total('handovers'), terms: total('terms'), givenUp: total('givenUp') };
}

function say(message: Message): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
