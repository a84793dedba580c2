// Prints what comes with this package at run time, as CycloneDX: `npm sbom --omit dev` leaves out what a
// development dependency happens to use as well, `debug` among them. So it is asked for everything.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const runtime = new Set(
  Object.entries(packages)
    .filter(([, { dev }]) => dev !== true)
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`),
);
const { name, dependencies: direct } = JSON.parse(readFileSync('package.json', 'utf8'));

const args = [
  'sbom',
  '--package-lock-only',
  '--sbom-format',
  'cyclonedx',
  '--sbom-type',
  'library',
];
const options = { encoding: 'utf8', maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'inherit'] };
const bom = JSON.parse(execFileSync('npm', args, options));

const { component } = bom.metadata;
const components = bom.components.filter(isRuntime);
const kept = new Set([component, ...components].map((each) => each['bom-ref']));
const dependencies = bom.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((on) => uses(ref, on)) }));

// npm calls the package what the folder is called.
const metadata = { ...bom.metadata, component: { ...component, name } };
console.log(JSON.stringify({ ...bom, metadata, components, dependencies }, null, 2));

function isRuntime({ name, version }) {
  return runtime.has(`${name}@${version}`);
}

/** This package itself uses at run time what it says, and the rest for its development. */
function uses(ref, on) {
  if (!kept.has(on)) return false;
  return ref !== component['bom-ref'] || on.replace(/@[^@]*$/, '') in direct;
}
