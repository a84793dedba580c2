import { expect, test } from 'vitest';

import { attributesOf } from '../../lib/telemetry/attributes.ts';
import { families } from '../../lib/telemetry/families.ts';
import { documentedRules } from '../monitoring/manifests.ts';
import { read } from '../public/project.ts';

const page = read('docs/monitoring.md');

test('docs/monitoring.md lists every metric, with its type and its own label', () => {
  const rows = Array.from(
    page.matchAll(/^\| `([a-z_]+)` +\| (gauge|counter|histogram) +\| (?:`(\w+)`|–) /gm),
    ([, name, type, label]) => ({ name, type, label }),
  );
  const labels: Record<string, string> = {
    leader_for_life_losses_total: 'code',
    leader_for_life_waiting_since_seconds: 'reason',
    leader_for_life_degraded: 'what',
    leader_for_life_errors_total: 'code',
  };
  expect(rows).toEqual(families.map(({ name, type }) => ({ name, type, label: labels[name] })));
});

test('an exporter makes the name in Prometheus of that in OpenTelemetry', () => {
  for (const { name, meterName, type, ...rest } of families) {
    const unit = 'unit' in rest && rest.unit === 's' ? '_seconds' : '';
    const total = type === 'counter' ? '_total' : '';
    expect(`${meterName.replaceAll('.', '_')}${unit}${total}`).toBe(name);
  }
});

test('docs/monitoring.md names every attribute', () => {
  const labels = { name: '', namespace: '', mode: '', code: '', reason: '', what: '' };
  const attributes = Object.keys(attributesOf(labels));
  expect(attributes).toHaveLength(6);
  for (const attribute of attributes) expect(page).toContain(`\`${attribute}\``);
});

test('docs/monitoring.md lists every alert', () => {
  const listed = Array.from(page.matchAll(/^\| `(LeaderElection\w+)`/gm), ([, alert]) => alert);
  const rules = documentedRules().groups.flatMap((group) => group.rules);
  expect(listed).toEqual(rules.map(({ alert }) => alert));
});
