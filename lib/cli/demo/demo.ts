import { sleep, systemClock } from '../../platform/clock.ts';
import { clearScreenDown, moveCursor } from 'node:readline';
import { defineCommand } from '../command.ts';
import { type Played, play } from './play.ts';
import { scenes } from './scenes.ts';
import { type Line, piece, textOf } from './screen.ts';
import { timeline } from './timeline.ts';

const FRAMES = 120;
const FRAME_MS = 50;

export const demo = defineCommand({
  name: 'demo',
  synopsis: 'demo [--lease]',
  summary: 'Show who leads when Pods end, on a cluster played in this process',
  description: [
    'Plays three replicas and a Kubernetes API server in this process, on a simulated clock: the ' +
      'leader is killed, restarted, updated, evicted; with --lease killed and cut off. Draws who led ' +
      'when. Sends no request, needs no cluster, and shows the same every time.',
    'Exit codes: 0 at most one Pod led at any time; 1 two led; 2 bad usage.',
  ],
  names: { min: 0, max: 0 },
  options: { lease: { type: 'flag', help: 'Lead by a Lease, instead of for life' } },
  async run({ values, context: { print, terminal } }) {
    const mode = values.lease ? 'lease' : 'life';
    const played = await play(mode, scenes[mode]);
    if (terminal) await animate(played, terminal);
    else print(textOf(shown(played, played.endMs), terminal));
    return played.leadersAtOnce === 1 ? 0 : 1;
  },
});

/** Draws one frame over the other. */
async function animate(played: Played, terminal: NodeJS.WriteStream): Promise<void> {
  for (let frame = 0; frame <= FRAMES; frame += 1) {
    const lines = shown(played, (played.endMs * frame) / FRAMES);
    terminal.write(textOf(lines, terminal));
    if (frame === FRAMES) return;
    await sleep(systemClock, FRAME_MS);
    moveCursor(terminal, 0, -lines.length);
    clearScreenDown(terminal);
  }
}

/** The acts and the timeline as they are at that moment. */
function shown({ acts, entries, endMs, leadersAtOnce }: Played, nowMs: number): Line[] {
  const past = acts.filter(({ atMs }) => atMs <= nowMs);
  const marks = past.filter(({ leadsAtMs }) => leadsAtMs <= nowMs);
  const story = past.flatMap(({ number, title, leader, leadsAtMs, outcome }) => [
    [piece(`${number}  `, 'act'), piece(title)],
    leadsAtMs > nowMs ? [] : [piece('   '), piece(leader, 'leads'), piece(` ${outcome}`)],
  ]);
  const so = leadersAtOnce === 1;
  const verdict: Line = so
    ? [piece('  ✓ ', 'good'), piece('at most one Pod led at any time')]
    : [piece('  ✗ ', 'bad'), piece(`${leadersAtOnce} Pods led at the same time`, 'bad')];
  return [
    [piece('leader-for-life', 'title'), piece(': of several replicas, at most one leads.')],
    [],
    ...story,
    [],
    ...timeline(entries, marks, endMs, nowMs),
    [],
    nowMs < endMs ? [] : verdict,
  ];
}
