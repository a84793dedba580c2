import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { main } from '../../../lib/cli/main.ts';
import { mostAtOnce } from '../../../lib/cli/demo/play.ts';
import { cli } from '../help.ts';

const LIFE = `\
leader-for-life: of several replicas, at most one leads.

1  Three replicas start, each in a Pod of its own.
   app-a leads after 304 ms; the others wait.
2  app-a is killed, and its Pod deleted.
   app-b leads 54 ms after the Pod was gone.
3  app-b's container crashes, and is restarted in its Pod.
   app-b goes on leading 320 ms later; no other Pod took over.
4  app-b is asked to go, as in a rolling update: it releases the lock.
   app-c leads 10 ms later, before that Pod is gone.
5  app-c is evicted: its Pod has failed, but is still there.
   app-d leads 12 ms after the Pod failed.
`;

describe('leader-for-life demo', () => {
  it('plays what may happen to a leader for life, the same every time', async () => {
    const { code, stdout, stderr } = await cli(['demo']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.startsWith(LIFE)).toBe(true);
    expect(stdout).toMatch(/^ {2}app-a +·+█+╳$/m);
    expect(stdout).toMatch(/^ {2}app-b +·+░+█+╳╌+█+○$/m);
    expect(stdout).toContain('✓ at most one Pod led at any time');
    expect(await cli(['demo'])).toEqual({ code, stdout, stderr });
  });

  it('plays leases', async () => {
    const { code, stdout } = await cli(['demo', '--lease']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/app-b is killed: .+\n {3}app-c leads 1[345]\.\d\d s later/);
    expect(stdout).toMatch(/app-c is cut off: .+\n {3}app-d leads 1[345]\.\d\d s later/);
    expect(stdout).toMatch(/^ {2}app-c +░+█+┄+$/m);
  });

  it('fits into 80 columns', async () => {
    const both = await Promise.all([cli(['demo']), cli(['demo', '--lease'])]);
    const widths = both.flatMap(({ stdout }) => stdout.split('\n').map((line) => line.length));
    expect(Math.max(...widths)).toBeLessThanOrEqual(80);
  });

  it('draws itself on a terminal, and ends with the same picture', async () => {
    const frames: string[] = [];
    const write = (text: Buffer, _: string, done: () => void) => {
      frames.push(text.toString());
      done();
    };
    const screen = Object.assign(new Writable({ write }), { isTTY: true, getColorDepth: () => 1 });
    const terminal = screen as unknown as NodeJS.WriteStream;
    const output = { stdout: () => undefined, stderr: () => undefined, terminal };
    expect(await main(['demo'], {}, output)).toBe(0);
    const drawn = frames.filter((text) => text.includes('leader-for-life'));
    expect(drawn.length).toBeGreaterThan(100);
    expect(drawn[0]).not.toContain('app-a leads');
    expect(drawn.at(-1)).toBe((await cli(['demo'])).stdout);
    // Each frame takes the place of the one before.
    const up = /^\x1b\[(\d+)A$/;
    const heights = frames.flatMap((text) => up.exec(text)?.[1] ?? []).map(Number);
    const lines = drawn.slice(0, -1).map((text) => text.split('\n').length - 1);
    expect(heights).toEqual(lines);
  });

  it('would notice two leaders', () => {
    const entry = (event: string, pod: string) => ({ event, pod, run: pod, atMs: 0 });
    const first = [entry('leading', 'a'), entry('waiting', 'b')];
    expect(mostAtOnce([...first, entry('leading', 'b')])).toBe(2);
    expect(mostAtOnce([...first, entry('lost', 'a'), entry('leading', 'b')])).toBe(1);
  });
});
