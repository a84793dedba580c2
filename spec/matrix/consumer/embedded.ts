/** A module of an app: compiles whatever `module` and `moduleResolution` are. */
import { become, lead, type BecomeOptions } from 'leader-for-life';

export async function start(options: BecomeOptions): Promise<void> {
  const leadership = await become('my-app-lock', options);
  console.log(leadership.fencingToken);
  await leadership.release();
  const { kubeConfig } = options;
  const leftMs = await lead('my-lease', ({ remainingMs }) => remainingMs(), { kubeConfig });
  console.log(leftMs.toFixed());
}
