/**
 * An app and its cluster in one program, for bundlers and other runtimes: both modes elect over HTTP,
 * hand over and release. Prints what happens; ends by itself.
 */
import { become, lead, LeaderElector, LeaseLock } from 'leader-for-life';
import { createCluster } from 'leader-for-life/testing';

void main();

/** A function, for a bundle in CommonJS cannot await at its top. */
async function main(): Promise<void> {
  const tls = process.env['TLS_IDENTITY'];
  const https = tls === undefined ? undefined : (JSON.parse(tls) as { key: string; cert: string });

  const cluster = await createCluster(https && { https });
  const [first, second] = [cluster.createPod('my-app-0'), cluster.createPod('my-app-1')];
  const leadership = await become('my-app-lock', cluster.optionsFor(first));
  console.log(`${leadership.podName} leads`);
  const next = become('my-app-lock', {
    ...cluster.optionsFor(second),
    onWaiting: ({ reason }) => {
      if (reason === 'held') void leadership.release();
    },
  });
  const successor = await next;
  console.log(`${successor.podName} leads`);
  await successor.release();
  console.log(`the lock is ${cluster.getConfigMap('my-app-lock') ? 'there' : 'gone'}`);

  const namespace = 'default';
  const kubeConfig = cluster.kubeConfig();
  const options = { namespace, kubeConfig, retryPeriodMs: 200, renewDeadlineMs: 4_000 };
  const [a, b] = ['a', 'b'].map((identity) =>
    lead('my-lease', ({ remainingMs }) => remainingMs() > 0, { ...options, identity }),
  );
  console.log(`led by a lease: ${String(await a)}, ${String(await b)}`);

  const stop = new AbortController();
  const elector = new LeaderElector({
    lock: new LeaseLock({ name: 'elector', namespace, kubeConfig, identity: 'a' }),
    releaseOnCancel: true,
    callbacks: { onStartedLeading: watch, onStoppedLeading: () => undefined },
  });
  await elector.run(stop.signal);
  console.log(`the Lease is held by "${cluster.getLease('elector')?.spec?.holderIdentity ?? ''}"`);
  const agents = new Set(Array.from(cluster.requests, ({ userAgent }) => userAgent));
  console.log([...agents].filter((agent) => agent.startsWith('leader-for-life')).join());
  await cluster.close();

  /** For longer than a clock in whole seconds takes for a step. */
  async function watch(signal: AbortSignal): Promise<void> {
    const untilMs = performance.now() + 3_000;
    let doubts = 0;
    while (performance.now() < untilMs && !signal.aborted) {
      if (!elector.isLeader()) doubts += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    console.log(`the elector doubted ${doubts} times`);
    stop.abort();
  }
}
