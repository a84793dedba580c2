import { execFile, execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { families } from '../../lib/telemetry/families.ts';
import { handover, type SeenHandover } from './handover.ts';
import { documentedPanels, documentedRules, type Rules } from './manifests.ts';

const execute = promisify(execFile);
const isInstalled = hasPrometheus();
if (!isInstalled) console.warn('Skipped without Prometheus: .ci/install prometheus');

describe.runIf(isInstalled)('the alerts', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'leader-for-life-alerts-'));
    await copyFile(join(import.meta.dirname, 'alerts.yaml'), join(folder, 'alerts.yaml'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  /** Whether the tests pass with these rules. */
  async function passes(rules: Rules): Promise<boolean> {
    await writeFile(join(folder, 'rules.yaml'), JSON.stringify(rules));
    const tested = execute('promtool', ['test', 'rules', 'alerts.yaml'], { cwd: folder });
    return tested.then(
      () => true,
      () => false,
    );
  }

  const rules = documentedRules();
  const names = rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert));

  test('fire when they should, and not in a handover', async () => {
    expect(await passes(rules)).toBe(true);
  });

  /** The same rules, but this one has another condition. */
  function defect(name: string, expr: string): Rules {
    return {
      groups: rules.groups.map((group) => ({
        ...group,
        rules: group.rules.map((rule) => (rule.alert === name ? { ...rule, expr } : rule)),
      })),
    };
  }

  test.each(names)('%s would be missed, and is told if it always fires', async (name) => {
    expect(await passes(defect(name, 'vector(0) > 1'))).toBe(false);
    expect(await passes(defect(name, 'vector(1)'))).toBe(false);
  });
});

describe.runIf(isInstalled)('a Prometheus that scrapes three replicas through a handover', () => {
  let seen: SeenHandover;

  beforeAll(async () => {
    seen = await handover();
  });

  test('sees who leads, first one replica and then another', () => {
    expect(seen.from).toBe('a');
    expect(['b', 'c']).toContain(seen.to);
    const lines = seen.panels.find(({ title }) => title === 'Who leads')?.lines ?? [];
    const ends = Object.fromEntries(
      lines.map(({ name, points }) => [name, [points[0]?.[1], points.at(-1)?.[1]]]),
    );
    expect(ends).toMatchObject({ [`${seen.to} operator`]: [0, 1] });
    expect(ends['a operator']?.[0]).toBe(1);
  });

  test.each(documentedPanels().map(({ title }) => title))('fills the panel "%s"', (title) => {
    const panel = seen.panels.find((one) => one.title === title);
    expect(panel?.lines.flatMap(({ points }) => points)).not.toEqual([]);
  });

  test('sees a takeover, an error and a degradation', () => {
    const most = (title: string) =>
      Math.max(
        ...(seen.panels
          .find((panel) => panel.title === title)
          ?.lines.flatMap(({ points }) => points.map(([, value]) => value)) ?? []),
      );
    expect(most('Duration of takeovers')).toBeGreaterThan(0);
    expect(most('Errors')).toBeGreaterThan(0);
    expect(most('Degraded')).toBe(1);
  });

  test('can evaluate every rule', () => {
    expect(new Set(seen.rules.map(({ health }) => health))).toEqual(new Set(['ok']));
    const documented = documentedRules().groups.flatMap(({ rules }) => rules);
    expect(seen.rules.map(({ name }) => name)).toEqual(documented.map(({ alert }) => alert));
  });
});

test('the alerts and the dashboard ask for metrics that exist', () => {
  const known = families.flatMap(({ name, type }) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name],
  );
  const queries = [
    ...documentedRules().groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
    ...documentedPanels().flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
  const asked = queries.flatMap((query) => query.match(/\bleader_\w+_\w+/g) ?? []);
  const named = asked.filter((name) => name !== 'leader_for_life_');
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
  const untold = known.filter((name) => !named.some((asker) => asker === name));
  expect(untold.filter((name) => !/_(?:bucket|sum|count|losses_total)$/.test(name))).toEqual([]);
});

function hasPrometheus(): boolean {
  try {
    execFileSync('prometheus', ['--version'], { stdio: 'ignore' });
    execFileSync('promtool', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
