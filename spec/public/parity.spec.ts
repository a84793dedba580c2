import ts from 'typescript';
import { describe, expect, it } from 'vitest';

import { compilerOptions, entryPoints, program, read } from './project.ts';

/** What client-go v0.36.3 exports, fields and methods included (`go doc -all`). */
const ORIGINAL = {
  'client-go 0.36.3, `leaderelection`': `
    JitterFactor NewLeaderElector RunOrDie SetProvider NewLeaderHealthzAdaptor NewCandidate
    LeaderElectionConfig .Lock .LeaseDuration .RenewDeadline .RetryPeriod .Callbacks .WatchDog
      .ReleaseOnCancel .Name .Coordinated
    LeaderCallbacks .OnStartedLeading .OnStoppedLeading .OnNewLeader
    LeaderElector .Run .GetLeader .IsLeader .Check
    LeaderMetric .On .Off .SlowpathExercised
    MetricsProvider .NewLeaderMetric
    HealthzAdaptor .Name .Check .SetLeaderElection
    LeaseCandidate .Run
    CacheSyncWaiter .WaitForCacheSync`,
  'client-go 0.36.3, `resourcelock`': `
    LeaderElectionRecordAnnotationKey LeasesResourceLock UnknownLeader New NewWithLabels
    NewFromKubeconfig LeaseSpecToLeaderElectionRecord LeaderElectionRecordToLeaseSpec
    ConcatRawRecord
    Interface .Get .Create .Update .RecordEvent .Identity .Describe
    LeaderElectionRecord .HolderIdentity .LeaseDurationSeconds .AcquireTime .RenewTime
      .LeaderTransitions .Strategy .PreferredHolder
    EventRecorder .Eventf
    ResourceLockConfig .Identity .EventRecorder
    LeaseLock .LeaseMeta .Client .LockConfig .Labels .Get .Create .Update .RecordEvent .Describe
      .Identity
    MultiLock .Primary .Secondary .Get .Create .Update .RecordEvent .Describe .Identity`,
  'haptic 0.1.0-alpha.12, `pkg/k8s/leaderelection`': `
    New
    Callbacks .OnStartedLeading .OnStoppedLeading .OnNewLeader
    Config .Enabled .Identity .LeaseName .LeaseNamespace .LeaseDuration .RenewDeadline .RetryPeriod
      .ReleaseOnCancel
    Elector .Start .IsLeader .GetLeader`,
};

const STATUS = /^(?:done|built in|not done)$/;

const parsed = program(compilerOptions());
const checker = parsed.getTypeChecker();
const page = read('docs/parity.md');

describe('the parity tables in docs/parity.md', () => {
  it.each(Object.entries(ORIGINAL))('have a row for each name of %s', (title, original) => {
    const names = rowsUnder(title).map(([name = '']) => name.replaceAll('`', ''));
    expect(names.toSorted()).toEqual(qualified(original).toSorted());
  });

  const titles = [...Object.keys(ORIGINAL), 'The demo program'];

  it.each(titles)('name what is there, or say why it is not: %s', (title) => {
    for (const [name = '', ours = '', difference = '', status = ''] of rowsUnder(title)) {
      expect(status, name).toMatch(STATUS);
      if (status === 'not done') {
        expect([ours, difference], name).toEqual(['–', expect.stringMatching(/\w/)]);
      } else {
        expect(isExported(ours), `${name}: ${ours}`).toBe(true);
      }
    }
  });

  it('name nothing else that is not there', () => {
    const ours = rowsUnder('Without a counterpart').map(([name = '']) => name);
    expect(ours.filter((name) => !isExported(name))).toEqual([]);
  });

  it('would be noticed if they did', () => {
    const inventions = [
      '`runOrLive`',
      '`LeaderElector.reign`',
      '`LeaderElector` `lead`',
      'lead',
      '–',
    ];
    expect(inventions.filter(isExported)).toEqual([]);
    expect(isExported('`LeaderElector.run`')).toBe(true);
  });
});

/** `A .b C` as `A`, `A.b`, `C`. */
function qualified(names: string): string[] {
  let owner = '';
  return names
    .trim()
    .split(/\s+/)
    .map((name) => {
      if (!name.startsWith('.')) owner = name;
      return name === owner ? name : owner + name;
    });
}

/** The cells of the table under a heading. */
function rowsUnder(title: string): string[][] {
  const [, section] = page.split(`\n## ${title}\n`);
  if (section === undefined) throw new Error(`docs/parity.md has no heading ${title}`);
  const [text = ''] = section.split(/^##/m);
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** Whether this is one name in backticks that users can import, or a member of what they can. */
function isExported(cell: string): boolean {
  const [, owner = '', member] = /^`(\w+)(?:\.(\w+))?`$/.exec(cell) ?? [];
  return Object.values(entryPoints).some((path) => {
    const symbol = exportsOf(path).find(({ name }) => name === owner);
    return symbol !== undefined && (member === undefined || has(symbol, member));
  });
}

function has(symbol: ts.Symbol, member: string): boolean {
  const resolved = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return checker.getDeclaredTypeOfSymbol(resolved).getProperty(member) !== undefined;
}

function exportsOf(path: string): ts.Symbol[] {
  const file = parsed.getSourceFile(path);
  const symbol = file && checker.getSymbolAtLocation(file);
  return symbol ? checker.getExportsOfModule(symbol) : [];
}
