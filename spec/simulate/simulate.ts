/** `npm run simulate`: see `docs/simulation.md`. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '../world/arguments.ts';
import { type Arguments, readArguments } from './arguments.ts';
import type { BatchResult, Failing } from './batch.ts';
import { playAll } from './pool.ts';
import { play, transcribe } from './play.ts';
import { parseRegression } from './regression.ts';
import { explain } from './report.ts';
import { type Mode, generate } from './schedule.ts';

/** Runs that fail alike need not all be explained. */
const MAX_EXPLAINED = 3;

async function main(given: Arguments): Promise<boolean> {
  const { seed, isSeedGiven, first, verbose, minutes, transcript } = given;
  if (!isSeedGiven) console.log(`seed ${seed}`);
  // Of the one schedule that is to be played.
  for (const mode of transcript === undefined ? [] : given.modes) {
    const lines = await transcribe(generate(mode, seed));
    writeFileSync(transcript ?? '', `${lines.join('\n')}\n`);
  }
  if (given.kept && (await playKept(given.modes))) return false;
  const startedMs = performance.now();
  const untilMs = minutes === undefined ? undefined : startedMs + minutes * 60_000;
  const results = await playAll({ ...given, untilMs });
  const schedules = results.reduce((sum, result) => sum + result.schedules, 0);
  const failing = results.flatMap((result) => result.failing);
  const perMinute = Math.round(schedules / ((performance.now() - startedMs) / 60_000));
  if (verbose) showCoverage(results);
  if (first) failing.slice(0, 1).forEach(showFirst);
  else for (const found of failing.slice(0, MAX_EXPLAINED)) console.log(await explain(found));
  if (verbose) {
    const { user, system } = process.cpuUsage();
    const cpuMinutes = (user + system) / 60e6;
    console.log(`${Math.round(schedules / cpuMinutes)} schedules per minute of CPU time`);
    const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
    console.log(`${peakMiB} MiB of memory at most`);
  }
  const violations = failing.reduce((sum, found) => sum + found.violations.length, 0);
  console.log(`${schedules} schedules, ${violations} violations, ${perMinute}/min`);
  return violations === 0;
}

/** Plays the schedules that once found something. Returns whether one finds something now. */
async function playKept(played: readonly Mode[]): Promise<boolean> {
  const folder = join(import.meta.dirname, 'regressions');
  const kept = readdirSync(folder)
    .map((file) => parseRegression(readFileSync(join(folder, file), 'utf8')).schedule)
    .filter(({ mode }) => played.includes(mode));
  for (const [number, schedule] of kept.entries()) {
    const { violations } = await play(schedule);
    if (violations.length === 0) continue;
    showFirst({ ...schedule, number, violations });
    console.log(`${number + 1} schedules, ${violations.length} violations, of those that are kept`);
    return true;
  }
  return false;
}

function showFirst({ number, seed, mode, violations: [found] }: Failing): void {
  const where = `schedule ${number} (seed ${seed}, mode ${mode})`;
  console.log(`violation in ${where}: ${found?.check ?? ''}: ${found?.text ?? ''}`);
}

function showCoverage(results: readonly BatchResult[]): void {
  const totals = new Map<Mode, Map<string, number>>();
  for (const [mode, what, schedules] of results.flatMap(({ coverage }) => coverage)) {
    const counts = totals.get(mode) ?? new Map<string, number>();
    totals.set(mode, counts.set(what, (counts.get(what) ?? 0) + schedules));
  }
  for (const [mode, counts] of totals) {
    console.log(`${mode}: schedules that came by`);
    const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [what, schedules] of sorted)
      console.log(`${String(schedules).padStart(8)}  ${what}`);
  }
}

await runCommand(async (args) => {
  if (!args.includes('--mutants')) {
    return main(readArguments(args, Math.floor(Math.random() * 2 ** 32)));
  }
  // Not before: it brings the compiler.
  const { playMutants } = await import('./mutants.ts');
  return playMutants(args);
});
