/** An app in CommonJS, which requires both entry points. */
const assert = require('node:assert/strict');
const { become } = require('leader-for-life');
const { createCluster } = require('leader-for-life/testing');

async function main() {
  const cluster = await createCluster();
  const { podName } = await become(
    'my-app-lock',
    cluster.optionsFor(cluster.createPod('my-app-0')),
  );
  assert.equal(podName, 'my-app-0');
  await cluster.close();
}

void main();
