import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What Prometheus is to scrape, with the labels that it would have in Kubernetes. */
export interface Target {
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** A series of a range: its labels, and pairs of seconds and values as text. */
export interface Range {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

/** A rule as Prometheus has evaluated it. */
export interface EvaluatedRule {
  readonly name: string;
  readonly health: string;
}

const SCRAPE_SECONDS = 1;

/** A Prometheus on this machine that scrapes and evaluates every second. */
export class PrometheusServer {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #url: string;

  private constructor(process: ChildProcess, folder: string, url: string) {
    this.#process = process;
    this.#folder = folder;
    this.#url = url;
  }

  /** Resolves once it answers. `rules` is the text of a file of rules. */
  static async start(targets: readonly Target[], rules: string): Promise<PrometheusServer> {
    const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-prometheus-'));
    const every = `${SCRAPE_SECONDS}s`;
    await writeFile(join(folder, 'rules.yaml'), rules);
    const scrape = {
      job_name: 'replicas',
      honor_labels: true,
      static_configs: targets.map(({ port, labels }) => ({
        targets: [`127.0.0.1:${port}`],
        labels,
      })),
    };
    const config = {
      global: { scrape_interval: every, evaluation_interval: every },
      rule_files: ['rules.yaml'],
      scrape_configs: [scrape],
    };
    await writeFile(join(folder, 'prometheus.yaml'), JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yaml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    await ready(child);
    return new PrometheusServer(child, folder, `http://${address}`);
  }

  /** The values of a query now, by the label `pod`. */
  async values(query: string): Promise<ReadonlyMap<string, number>> {
    const { result } = (await this.#get('query', { query })) as {
      readonly result: readonly {
        readonly metric: Readonly<Record<string, string>>;
        readonly value: readonly [number, string];
      }[];
    };
    return new Map(result.map(({ metric, value }) => [metric['pod'] ?? '', Number(value[1])]));
  }

  /** The series of a query, from a moment until now. */
  async range(query: string, fromSeconds: number, toSeconds: number): Promise<readonly Range[]> {
    const [start, end] = [String(fromSeconds), String(toSeconds)];
    const step = String(SCRAPE_SECONDS);
    const data = await this.#get('query_range', { query, start, end, step });
    return (data as { readonly result: readonly Range[] }).result;
  }

  async rules(): Promise<readonly EvaluatedRule[]> {
    const { groups } = (await this.#get('rules', {})) as {
      readonly groups: readonly { readonly rules: readonly EvaluatedRule[] }[];
    };
    return groups.flatMap(({ rules }) => rules);
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.kill();
    await gone;
    await rm(this.#folder, { recursive: true });
  }

  async #get(what: string, query: Readonly<Record<string, string>>): Promise<unknown> {
    const search = new URLSearchParams(query).toString();
    const response = await fetch(`${this.#url}/api/v1/${what}?${search}`);
    const { status, data, error } = (await response.json()) as Record<string, unknown>;
    if (status !== 'success') throw new Error(`${what} ${search}: ${String(error)}`);
    return data;
  }
}

/** Resolves when it says that it is ready. */
async function ready(child: ChildProcess): Promise<void> {
  if (!child.stderr) throw new Error('it has no output');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (!line.includes('Server is ready to receive web requests')) continue;
    // Otherwise it would stand still when the pipe is full.
    child.stderr.resume();
    return;
  }
  throw new Error(`Prometheus did not start:\n${said.slice(-5).join('\n')}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
