import { dirname } from 'node:path';

import { loadYaml } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { clientNodes, nodes } from '../matrix/versions.ts';
import { projectFiles, read } from './project.ts';

interface Workflow {
  readonly env?: Readonly<Record<string, unknown>>;
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly needs?: readonly string[];
  readonly 'timeout-minutes'?: number;
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> };
  readonly steps: readonly Step[];
}

interface Step {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly run?: string;
}

const workflows = projectFiles('.github/workflows/*.yml');

describe.each(workflows)('%s', (path) => {
  const workflow = loadYaml<Workflow>(read(path));
  const jobs = Object.entries(workflow.jobs);
  const steps = jobs.flatMap(([, job]) => job.steps);

  it('starts with no rights, and gives each job those that it needs', () => {
    expect(workflow.permissions).toEqual({});
    expect(jobs.filter(([, job]) => job.permissions === undefined)).toEqual([]);
  });

  it('says what each right to write is for', () => {
    const rights = read(path).match(/^ +[\w-]+: write\b.*$/gm) ?? [];
    expect(rights.filter((line) => !/: write # \w+/.test(line))).toEqual([]);
  });

  it('never runs what a stranger proposes with our rights', () => {
    expect(Object.keys(workflow.on)).not.toContain('pull_request_target');
    expect(Object.keys(workflow.on)).not.toContain('workflow_run');
  });

  it('does not run for ever, nor twice at once', () => {
    const minutes = jobs.map(([, job]) => job['timeout-minutes'] ?? Infinity);
    expect(Math.max(...minutes)).toBeLessThanOrEqual(120);
    expect(workflow.concurrency).toBeDefined();
  });

  it('pins every action to a commit, and says which version that is', () => {
    const uses = read(path).match(/^.*\buses:.*$/gm) ?? [];
    const pin = /^ +(?:- )?uses: [\w-]+(?:\/[\w-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;
    expect(uses).toHaveLength(steps.filter((step) => step.uses).length);
    expect(uses.filter((line) => !pin.test(line))).toEqual([]);
  });

  it('leaves no credentials in the checkout', () => {
    const checkouts = steps.filter((step) => step.uses?.startsWith('actions/checkout@'));
    const kept = checkouts.filter((step) => step.with?.['persist-credentials'] !== false);
    expect(kept).toEqual([]);
  });

  it('puts nothing that others write into a script', () => {
    expect(steps.filter((step) => step.run?.includes('${{'))).toEqual([]);
  });
});

describe('the workflows together', () => {
  it('use one commit of each repository of actions', () => {
    const pins = workflows.flatMap((path) =>
      Array.from(read(path).matchAll(/uses: ([\w-]+\/[\w-]+)\S*@(.*)/g), ([, ...pin]) =>
        pin.join('@'),
      ),
    );
    const repositories = new Set(pins.map((pin) => pin.replace(/@.*/, '')));
    expect(new Set(pins).size).toBe(repositories.size);
  });

  it('test what the matrix tests', () => {
    const { jobs } = loadYaml<Workflow>(read('.github/workflows/ci.yml'));
    expect(jobs['package']?.strategy?.matrix).toEqual({ node: nodes, 'client-node': clientNodes });
    expect(jobs['test']?.strategy?.matrix).toEqual({
      node: ['22', '24', '26'],
      'client-node': clientNodes,
    });
  });

  it('run everything that is to hold, and let nothing pass without it', () => {
    const { jobs } = loadYaml<Workflow>(read('.github/workflows/ci.yml'));
    const { passed, ...others } = jobs;
    expect(passed?.needs?.toSorted()).toEqual(Object.keys(others).toSorted());
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const commands = Object.values(jobs).flatMap(({ steps }) => steps.map(({ run = '' }) => run));
    const called = commands.flatMap((command) =>
      Array.from(command.matchAll(/npm (?:run ([\w:]+)|(test))/g), ([, run, test]) => run ?? test),
    );
    expect(called.filter((name) => scripts[name ?? ''] === undefined)).toEqual([]);
    expect(called).toEqual(
      expect.arrayContaining([
        ...['check', 'check:audit', 'test', 'test:matrix', 'test:cluster'],
        ...['explore', 'simulate', 'fuzz', 'chaos', 'soak'],
      ]),
    );
  });

  it('try the same seed for every change, and fresh ones where nothing waits for them', () => {
    const drawing = /npm run (?:simulate|fuzz|chaos)\b(?!.*--mutants).*$/gm;
    const gate = loadYaml<Workflow>(read('.github/workflows/ci.yml'));
    const fresh = loadYaml<Workflow>(read('.github/workflows/fresh.yml'));
    const commandsOf = ({ jobs }: Workflow) =>
      Object.values(jobs).flatMap(({ steps }) =>
        steps.flatMap(({ run = '' }) => run.match(drawing) ?? []),
      );
    for (const commands of [read('.ci/run').match(drawing) ?? [], commandsOf(gate)]) {
      expect(commands).toHaveLength(3);
      expect(commands.filter((command) => !command.includes('--seed "$SEED"'))).toEqual([]);
    }
    expect(/^export SEED=(\d+)$/m.exec(read('.ci/run'))?.[1]).toBe(String(gate.env?.['SEED']));
    expect(commandsOf(fresh)).toHaveLength(3);
    expect(commandsOf(fresh).filter((command) => command.includes('--seed'))).toEqual([]);
    expect(Object.keys(fresh.on).toSorted()).toEqual(['push', 'schedule', 'workflow_dispatch']);
  });

  it('let only jobs that run none of our code speak for the project', () => {
    const { jobs } = loadYaml<Workflow>(read('.github/workflows/release.yml'));
    const trusted = Object.entries(jobs).filter(([, { permissions }]) => permissions?.['id-token']);
    expect(trusted.map(([name]) => name)).toEqual(['attest', 'publish', 'image']);
    const commands = trusted.flatMap(([, { steps }]) => steps.map(({ run = '' }) => run));
    expect(
      commands.filter((run) => /npm (?:ci|install|run|test)|\bnode\b|\.ci\//.test(run)),
    ).toEqual([]);
    // Staged: a maintainer approves what can be installed.
    expect(commands.filter((run) => run.includes('publish'))).toEqual([
      'npm stage publish ./*.tgz --provenance --access public --tag "$DIST_TAG"',
    ]);
  });

  it('release what the executable is called on every platform', () => {
    const { jobs } = loadYaml<Workflow>(read('.github/workflows/release.yml'));
    expect(JSON.stringify(jobs['arm64'])).toContain('release/leader-for-life-linux-arm64');
    expect(read('docs/deploy/Dockerfile')).toContain('COPY leader-for-life-linux-${TARGETARCH} ');
  });
});

describe('the audit of the workflows', () => {
  it('is installed by hashes, and is part of the check', () => {
    const lines = read('.config/requirements.txt').replaceAll('\\\n', '').split('\n');
    const packages = lines.filter((line) => line !== '' && !line.startsWith('#'));
    expect(
      packages.filter((line) => !/^[\w-]+==[\d.]+(?: +--hash=sha256:[0-9a-f]{64})+$/.test(line)),
    ).toEqual([]);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(scripts['check:workflows']).toContain('node .config/zizmor.js');
    expect(scripts['check']).toContain('npm run check:workflows');
    expect(read('.ci/run')).toContain('npm run check');
  });
});

describe('the forms for issues', () => {
  interface Form {
    readonly name: string;
    readonly description: string;
    readonly body: readonly {
      readonly type: string;
      readonly id?: string;
      readonly attributes: { readonly label?: string; readonly options?: readonly string[] };
    }[];
  }
  const forms = projectFiles('.github/ISSUE_TEMPLATE/!(config).yml');

  it.each(forms)('%s is one that GitHub takes', (path) => {
    const { name, description, body } = loadYaml<Form>(read(path));
    expect([typeof name, typeof description]).toEqual(['string', 'string']);
    const fields = body.filter(({ type }) => type !== 'markdown');
    expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length);
    expect(fields.filter(({ id, attributes }) => !id || !attributes.label)).toEqual([]);
    const types = ['markdown', 'input', 'textarea', 'dropdown', 'checkboxes'];
    expect(body.filter(({ type }) => !types.includes(type))).toEqual([]);
  });

  it('ask a bug for what it takes to understand one', () => {
    const { body } = loadYaml<Form>(read('.github/ISSUE_TEMPLATE/bug.yml'));
    const ids = body.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['versions', 'log', 'lock']));
  });
});

describe('dependabot', () => {
  interface Update {
    readonly 'package-ecosystem': string;
    readonly directory?: string;
    readonly directories?: readonly string[];
    readonly schedule: { readonly interval: string };
    readonly cooldown?: Readonly<Record<string, number>>;
    readonly groups?: object;
  }

  const { version, updates } = loadYaml<{ version: number; updates: Update[] }>(
    read('.github/dependabot.yml'),
  );

  it('looks after every file that names dependencies', () => {
    const manifests = [
      ['npm', /(?:^|\/)package-lock\.json$/],
      ['pip', /(?:^|\/)requirements[^/]*\.txt$/],
      ['gomod', /(?:^|\/)go\.mod$/],
      ['github-actions', /^\.github\/workflows\/ci\.yml$/],
      ['docker', /(?:^|\/)(?:Dockerfile|Containerfile)[^/]*$/],
    ] as const;
    const there = manifests.flatMap(([ecosystem, pattern]) =>
      projectFiles()
        .filter((path) => pattern.test(path))
        .map((path) => (ecosystem === 'github-actions' ? '/' : `/${dirname(path)}`))
        .map((folder) => `${ecosystem} ${folder === '/.' ? '/' : folder}`),
    );
    const covered = updates.flatMap(({ directory, directories = [], ...update }) =>
      [...directories, ...(directory === undefined ? [] : [directory])].map(
        (folder) => `${update['package-ecosystem']} ${folder}`,
      ),
    );
    expect(covered.toSorted()).toEqual(there.toSorted());
  });

  it('finds every base image pinned by its digest', () => {
    const stages = Array.from(
      read('docs/deploy/Dockerfile').matchAll(/^FROM (\S+)(?: AS (\S+))?$/gm),
      ([, from = '', name]) => ({ from, name }),
    );
    const names = stages.map(({ name }) => name);
    const bases = stages.filter(({ from }) => !names.includes(from));
    expect(bases).toHaveLength(2);
    const pinned = /^[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}$/;
    expect(bases.filter(({ from }) => !pinned.test(from))).toEqual([]);
  });

  it('looks weekly, and lets releases age', () => {
    expect(version).toBe(2);
    for (const { schedule, cooldown, groups } of updates) {
      expect(schedule.interval).toBe('weekly');
      expect(cooldown?.['default-days']).toBeGreaterThanOrEqual(7);
      expect(groups).toBeDefined();
    }
  });
});
