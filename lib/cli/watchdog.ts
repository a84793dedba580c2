import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Kills the group `$group` when its input ends, or when the next line has not come in time. A line
 * is that time in seconds, with and without a fraction, which not every `sleep` takes. Nothing that
 * it starts is left to the first process of a container, which may not reap.
 */
const SCRIPT = `
trap '' TERM INT HUP QUIT
sleep 0.001 2>/dev/null && fraction=1
fell() {
  trap 'kill -KILL $! 2>/dev/null; wait; exit' USR1
  sleep "$1" & wait $!
  kill -s KILL -- "-$group"
}
renewed() { [ -z "$last" ] || { kill -USR1 "$last"; wait "$last"; }; }
read -r group || exit
while read -r exact floor; do
  if [ "$exact" = end ]; then renewed; exit; fi
  [ -n "$fraction" ] || exact=$floor
  fell "$exact" & next=$!
  renewed
  last=$next
done
kill -s KILL -- "-$group"
renewed
`;

/**
 * A shell that kills the command when this process cannot: because it was killed, or was stopped
 * for longer than its leadership is proven. It takes 1 MB.
 */
export class Watchdog {
  readonly #shell: ChildProcess;
  #hasEnded = false;

  constructor(shell: string, onEnd: () => void) {
    this.#shell = spawn(shell, ['-c', SCRIPT], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#shell.stdin?.on('error', () => undefined);
    this.#shell.once('error', onEnd);
    this.#shell.once('exit', () => {
      if (!this.#hasEnded) onEnd();
    });
  }

  /** Watches over this process group. */
  watch(group: number): void {
    this.#write(`${group}`);
  }

  /** Lets the group live for this time, in milliseconds, unless this is called again. */
  renew(ms: number): void {
    this.#write(`${(ms / 1_000).toFixed(3)} ${Math.floor(ms / 1_000)}`);
  }

  /** Call it when nothing of the group runs any more. */
  end(): void {
    this.#hasEnded = true;
    // Twice, because the first one may be read as the group.
    this.#shell.stdin?.end('end\nend\n');
  }

  #write(line: string): void {
    this.#shell.stdin?.write(`${line}\n`);
  }
}
