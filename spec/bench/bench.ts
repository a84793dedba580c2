/**
 * `npm run bench [-- handover|requests|import|size ...] [--candidates 3,100,1000] [--handovers N]
 * [--json FILE]`: measures and prints, and writes nothing but that file. It never fails for being
 * slow: the machine decides about that.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { type HandoverOptions, measureHandover } from './handover.ts';
import { InProcessTarget } from './in-process-target.ts';
import { describeMachine, heading } from './machine.ts';
import { type Report, format } from './report.ts';
import { measureRequests } from './requests.ts';
import { measureSize } from './size.ts';
import { measureStartup } from './startup.ts';

const PARTS: Readonly<Record<string, (options: HandoverOptions) => Promise<Report>>> = {
  handover: onInProcessTarget,
  requests: measureRequests,
  import: measureStartup,
  size: measureSize,
};

interface Command extends HandoverOptions {
  readonly parts: readonly string[];
  readonly json: string | undefined;
}

try {
  await measure(parse());
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function measure({ parts, json, ...options }: Command): Promise<void> {
  const machine = describeMachine();
  console.log(heading(machine));
  const data: Record<string, unknown> = { machine };
  for (const part of parts) {
    const report = await PARTS[part]?.(options);
    if (!report) continue;
    options.onProgress('');
    console.log(`\n${format(report)}`);
    data[part] = report.data;
  }
  if (json !== undefined) await writeFile(json, `${JSON.stringify(data, null, 2)}\n`);
}

/** Throws a TypeError for a command line that makes no sense. */
function parse(): Command {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      candidates: { type: 'string', default: '3,100,1000' },
      handovers: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const known = Object.keys(PARTS);
  const unknown = positionals.filter((part) => !known.includes(part));
  if (unknown.length > 0) throw new TypeError(`${unknown.join()} is none of ${known.join(', ')}`);
  return {
    parts: positionals.length > 0 ? positionals : known,
    json: values.json,
    // One leads, and somebody has to take over.
    sizes: values.candidates.split(',').map((size) => count(size, 2)),
    handovers: values.handovers === undefined ? undefined : count(values.handovers, 1),
    onProgress(message) {
      // Only for who looks on.
      if (process.stderr.isTTY) process.stderr.write(`\x1b[2K${message}\r`);
    },
  };
}

async function onInProcessTarget(options: HandoverOptions): Promise<Report> {
  const target = new InProcessTarget();
  try {
    return await measureHandover(target, options);
  } finally {
    await target.close();
  }
}

function count(text: string, least: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least) {
    throw new TypeError(`a whole number was expected, ${least} or more, not ${text}`);
  }
  return number;
}
