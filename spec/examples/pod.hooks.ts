/** Gives an example, unchanged, what its Pod would: here KUBECONFIG stands for the service account. */
import { registerHooks } from 'node:module';

const inPod = new URL('in-pod.ts', import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    return specifier === 'leader-for-life'
      ? { url: inPod, shortCircuit: true }
      : next(specifier, context);
  },
});
