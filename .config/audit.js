// Fails if a package that users get with this one has a known vulnerability. Where the registry does
// not answer such questions, it says that nothing was checked; with --required that is a failure, too.
import { spawnSync } from 'node:child_process';

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  stdio: ['ignore', 'pipe', 'ignore'],
  encoding: 'utf8',
});
const report = parse(stdout);
const { vulnerabilities, metadata } = report;

if (vulnerabilities === undefined || metadata === undefined) {
  const reason = report.message ?? report.error?.summary ?? 'npm printed no report';
  // Without where it asked: that is the business of whoever installs.
  console.error(`npm audit: NOT CHECKED: ${reason.replace(/ - \w+ https?:.*/s, '')}`);
  if (process.argv.includes('--required')) process.exitCode = 1;
} else {
  const found = Object.values(vulnerabilities);
  for (const { name, severity, range, via } of found) {
    const titles = via.map((each) => (typeof each === 'string' ? each : each.title));
    console.error(`npm audit: ${name} ${range}: ${severity}: ${titles.join('; ')}`);
  }
  if (found.length > 0) process.exitCode = 1;
  else console.log(`npm audit: ${metadata.dependencies.prod} packages, no known vulnerabilities`);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
