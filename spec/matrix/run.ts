/**
 * Tries the package as users get it: packs it, installs the tarball into a fresh folder for each
 * version of @kubernetes/client-node, and uses it there on each version of Node.js, on Bun and Deno,
 * and in bundles.
 *
 * `npm run test:matrix -- --node 22 --client-node 1.4.0` tries one of them; both can be repeated.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { certificateFor } from '../support/certificate.ts';
import { bundleElects, bundlers } from './bundles.ts';
import { consumers, pack } from './install.ts';
import { nodeBinaries } from './nodes.ts';
import { atMost, Report } from './report.ts';
import { runtimes } from './runtimes.ts';
import { simulated, simulatesAlike } from './simulation.ts';
import {
  electsAndHandsOver,
  electsByItself,
  isRequired,
  loadsNoClient,
  sharesClientNode,
  typesCompile,
  typesCompileWith,
} from './trials.ts';
import { clientNodes, nodes, typescripts } from './versions.ts';

const { values: wanted } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: nodes },
    'client-node': { type: 'string', multiple: true, default: clientNodes },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'leader-for-life-matrix-'));
const report = new Report();
try {
  const tarball = await pack(folder);
  const [installed, binaries, others] = await Promise.all([
    consumers(folder, tarball, wanted['client-node']),
    nodeBinaries(wanted.node),
    runtimes(),
  ]);
  const trials = installed.flatMap((consumer) => {
    const client = `client-node ${consumer.clientNode}`;
    return [
      () => report.test(`${client}: is shared with the app`, () => sharesClientNode(consumer)),
      () => report.test(`${client}: types compile`, () => typesCompile(consumer)),
      ...typescripts.map(
        (version) => () =>
          report.test(`${client}, TypeScript ${version}: types compile`, () =>
            typesCompileWith(consumer, version),
          ),
      ),
      ...others.flatMap(({ name, path, args }) =>
        [undefined, certificateFor('server', '127.0.0.1', 'localhost')].map(
          (tls) => () =>
            report.test(`${client}, ${name}: elects${tls ? ' over TLS' : ''}`, () =>
              electsByItself(consumer.folder, path, [...args, 'self-contained.ts'], tls),
            ),
        ),
      ),
      ...Object.keys(bundlers).map(
        (name) => () =>
          report.test(`${client}, ${name}: its bundle elects`, () =>
            bundleElects(
              folder,
              consumer,
              name,
              binaries.map(({ path }) => path),
            ),
          ),
      ),
      ...binaries.flatMap(({ version, path }) => {
        const both = `${client}, Node ${version}`;
        return [
          () => report.test(`${both}: loads no client`, () => loadsNoClient(consumer, path)),
          () => report.test(`${both}: is required`, () => isRequired(consumer, path)),
          () =>
            report.test(`${both}: elects, hands over`, () => electsAndHandsOver(consumer, path)),
        ];
      }),
    ];
  });
  const simulations = simulated.map(
    (mode) => () =>
      report.test(`simulation, ${mode}: the same on every Node`, () =>
        simulatesAlike(folder, mode, binaries),
      ),
  );
  await atMost(2, [...trials, ...simulations]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
mkdirSync('reports', { recursive: true });
writeFileSync('reports/matrix.json', JSON.stringify(report));
console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed`);
if (report.numFailedTests > 0) process.exitCode = 1;
