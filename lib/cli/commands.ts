import type { Command } from './command.ts';

/** The commands, each loaded when it is used: `run` does not pay for `doctor`. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.ts')).run,
  wait: async () => (await import('./wait.ts')).wait,
  serve: async () => (await import('./serve/serve.ts')).serve,
  status: async () => (await import('./status.ts')).status,
  'step-down': async () => (await import('./step-down.ts')).stepDown,
  doctor: async () => (await import('./doctor.ts')).doctor,
  rbac: async () => (await import('./rbac.ts')).rbac,
  demo: async () => (await import('./demo/demo.ts')).demo,
  completion: async () => (await import('./completion.ts')).completion,
};

/** All commands, for help and completion. */
export function allCommands(): Promise<Command[]> {
  return Promise.all(Object.values(commands).map((load) => load()));
}
