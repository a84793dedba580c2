import { basename } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

import { levels } from '../../lib/events/event.ts';
import { declarations, read, sources, unionMembers } from '../public/project.ts';

const shared = (name: string) => members('lib/options.ts', name);
const place = [...shared('PlaceOptions'), ...shared('LabelOptions')];
const ofPod = members('lib/pod-options.ts', 'PodOptions');
const settings = [...shared('ElectionSettings'), ...ofPod];

describe('README.md', () => {
  it('lists every option, and nothing else', () => {
    const own = members('lib/life/options.ts', 'BecomeOptions');
    expect(rows('docs/become.md', 'option')).toEqual([...own, ...place, ...settings].sort());
  });

  it('lists everything that a leadership has', () => {
    const had = [...members('lib/life/leadership.ts', 'Leadership')];
    expect(rows('docs/become.md', '`leadership.…`')).toEqual(had);
  });

  it('counts the error codes', () => {
    const { length } = unionMembers('lib/errors.ts', 'ErrorCode');
    expect(prose('README.md')).toContain(`${length} [codes](docs/errors.md)`);
  });
});

describe('docs/lease.md', () => {
  const path = 'lib/lease/config.ts';
  const durations = members(path, 'Durations');

  it('lists every option of both forms, and nothing else', () => {
    const common = [...members(path, 'LeaseElectionSettings'), ...durations, ...settings];
    const ofLead = [...members(path, 'LeadOptions'), ...place, ...common].sort();
    expect(rows('docs/lease.md', 'option of `lead`')).toEqual(ofLead);
    const ofElector = [...members(path, 'LeaderElectionConfig'), ...common].sort();
    expect(rows('docs/lease.md', 'option of `LeaderElector`')).toEqual(ofElector);
  });

  it('lists everything that the work is given', () => {
    const had = members('lib/lease/lead.ts', 'LeaseLeadership');
    expect(rows('docs/lease.md', 'what the work is given')).toEqual(had);
  });
});

describe('docs/faq.md', () => {
  it('explains every reason to wait', () => {
    const reasons = unionMembers('lib/events/waiting.ts', 'WaitingReason');
    expect(rows('docs/faq.md', '`reason`')).toEqual(reasons);
  });
});

describe('docs/events.md', () => {
  it('lists every type of event, with its level', () => {
    const page = prose('docs/events.md');
    const told = Array.from(
      page.matchAll(/^\| `([-\w]+)` +\| `(debug|info|warn|error)`/gm),
      ([, type = '', level = '']) => [type, level],
    );
    expect(Object.fromEntries(told)).toEqual(levels);
  });
});

describe('docs/errors.md', () => {
  it('explains every warning', () => {
    const kinds = sources().flatMap((path) =>
      Array.from(
        read(path).matchAll(
          /(?:\.degraded|events\.call|[wW]arnings(?:\([^()]*\))?\.give|this\.call)\(\s*'([-\w]+)'/g,
        ),
        ([, kind = '']) => kind,
      ),
    );
    const codes = kinds.map((kind) => {
      const name = kind.replaceAll(/[A-Z]/g, '_$&').replaceAll('-', '_').toUpperCase();
      return `LEADER_FOR_LIFE_${name}`;
    });
    expect(rows('docs/errors.md', 'code')).toEqual([...new Set(codes)].sort());
  });
});

describe('docs/architecture.md', () => {
  it('knows every file of lib/, and every folder', () => {
    const paths = sources().filter((path) => !path.startsWith('lib/testing/'));
    const folders = sources().map((path) => path.replace(/^lib\/([^/]+\/)?.*$/, '$1'));
    const text = prose('docs/architecture.md');
    const names = [...paths.map((path) => basename(path)), ...folders.filter(Boolean)];
    expect(new Set(names.filter((name) => !text.includes(`\`${name}\``)))).toEqual(new Set());
  });

  it('knows nothing that is not there', () => {
    const named = Array.from(
      prose('docs/architecture.md').matchAll(/`([\w-]+\.ts)`/g),
      ([, n]) => n,
    );
    const there = sources().map((path) => basename(path));
    expect(named.filter((name = '') => !there.includes(name))).toEqual([]);
  });
});

/** A page without its code blocks. */
function prose(page: string): string {
  return read(page).replaceAll(/^```.*?^```$/gms, '');
}

/** The names in the first column of the table with this head, sorted. */
function rows(page: string, head: string): string[] {
  const lines = read(page).split('\n');
  const start = lines.findIndex((line) => firstCell(line) === head);
  if (start < 0) throw new Error(`${page} has no table with the head ${head}`);
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('|'));
  return lines
    .slice(start + 2, end < 0 ? undefined : end)
    .flatMap((line) =>
      Array.from(firstCell(line)?.matchAll(/`([-\w]+)/g) ?? [], ([, name]) => name),
    )
    .filter((name) => name !== undefined)
    .sort();
}

function firstCell(line: string): string | undefined {
  return /^\| (.*?) *\|/.exec(line)?.[1];
}

/** The names of an interface's members, sorted, but for those with computed names. */
function members(path: string, name: string): string[] {
  return declarations(path)
    .filter((node) => ts.isInterfaceDeclaration(node))
    .filter((node) => node.name.text === name)
    .flatMap((node) => [...node.members])
    .flatMap(({ name: member }) => (member && ts.isIdentifier(member) ? [member.text] : []))
    .sort();
}
