/** Counts as vitest's JSON report does, so that `.ci/run` can add up both. */
export class Report {
  numPassedTests = 0;
  numFailedTests = 0;

  /** Runs one test and prints a line about it; a failure says all that there is to say. */
  async test(name: string, run: () => Promise<void> | void): Promise<void> {
    const started = performance.now();
    const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
    try {
      await run();
      this.numPassedTests++;
      console.log(`ok      ${name} (${seconds()} s)`);
    } catch (error) {
      this.numFailedTests++;
      console.log(`FAILED  ${name} (${seconds()} s)\n${describe(error)}`);
    }
  }
}

/** Runs tasks in their order, so many at a time. */
export async function atMost<T>(limit: number, tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results = new Array<T>(tasks.length);
  const queue = tasks.entries();
  const work = async () => {
    for (const [i, task] of queue) results[i] = await task();
  };
  await Promise.all(Array.from({ length: limit }, work));
  return results;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
  return [error.stack, stdout, stderr].filter((text) => text).join('\n');
}
