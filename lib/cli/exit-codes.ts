import { Exit } from './command.ts';
import type { Option } from './option.ts';

/** As in `timeout`, `env` and `nohup`, whose users know them. */
export const TIMED_OUT = 124;
export const FAILED = 125;
export const NOT_EXECUTABLE = 126;
export const NOT_FOUND = 127;
/** As in `sysexits.h`: a temporary failure, try again. */
export const LEADERSHIP_LOST = 75;

/** Of commands whose own failures must differ from those of a command that they run. */
export const ELECTION_EXIT_CODES = { failure: FAILED, usage: FAILED } as const;

/** The option of commands that wait to lead. */
export const TIMEOUT = {
  type: 'duration',
  placeholder: 'DURATION',
  help: 'Longest wait to lead; then the exit code is 124 (default no limit)',
} as const satisfies Option;

/** Gives the end of a wait its exit code. */
export function endOfWait(error: unknown): never {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code === 'ERR_TIMEOUT') throw new Exit(TIMED_OUT, `${message ?? ''} (ERR_TIMEOUT)`);
  throw error;
}
