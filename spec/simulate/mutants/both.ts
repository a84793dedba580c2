import type { Mutant } from './mutant.ts';

export const bothMutants: readonly Mutant[] = [
  {
    name: 'backoff-without-maximum',
    defect: 'The backoff doubles for ever.',
    trap: 'the backoff overshoots its maximum',
    seenIn: ['life', 'lease'],
    edits: [
      {
        file: 'lib/protocol/delay.ts',
        find: 'const full = Math.min(firstMs * 2 ** Math.min(failures, 30), maxMs);',
        replace:
          'const full = Math.max(firstMs * 2 ** Math.min(failures, 30), Math.min(firstMs, maxMs));',
      },
    ],
  },
  {
    name: 'page-frees-a-lock',
    defect: "Any 404 says that the holder's Pod is gone, whoever answers it.",
    trap: 'a gateway, or a load balancer without backends, answers with a page of its own',
    seenIn: ['life', 'mixed'],
    edits: [
      {
        file: 'lib/kubernetes/pod.ts',
        find: `if (isAbsent(error)) return 'absent';`,
        replace: `const isHolder = read === (toPod as (object: Json) => T);
    if (isAbsent(error) || (isHolder && /answered: 404/.test(String(error)))) return 'absent';`,
      },
    ],
  },
  {
    name: 'page-is-final',
    defect: 'A 403 is final, whoever answers it.',
    trap: 'a gateway that says no for a moment ends every candidate',
    seenIn: ['life', 'lease'],
    edits: [
      {
        file: 'lib/kubernetes/answer.ts',
        find: 'if (!isFailure(answer, status)) {',
        replace: `if (!isFailure(answer, status)) {
    if (status === 403) {
      const said: Status = { status, reason: 'Forbidden', message: '', causes: [], about: 'object' };
      return new ApiError(said, line);
    }`,
      },
    ],
  },
  {
    name: 'server-error-is-final',
    defect: 'An answer of 500 ends the election, as a refusal does.',
    trap: 'any error of a create but AlreadyExists is fatal',
    seenIn: ['life', 'lease'],
    edits: [
      {
        file: 'lib/kubernetes/outcome.ts',
        find: 'const transientStatuses = new Set([401, 408, 429, 500, 502, 503, 504]);',
        replace: 'const transientStatuses = new Set([401, 408, 429, 502, 503, 504]);',
      },
    ],
  },
  {
    name: 'timer-left',
    defect: 'The timer of a request goes on after its answer.',
    trap: 'something is left running that holds the process, after all has ended',
    seenIn: ['life', 'lease'],
    edits: [
      {
        file: 'lib/kubernetes/api.ts',
        find: `      lift();
`,
        replace: '',
      },
    ],
  },
  {
    name: 'unauthorized-is-final',
    defect: 'An answer of 401 ends the election.',
    trap: 'a token that is rotated is refused for as long as it takes to read the new one',
    seenIn: ['life', 'lease'],
    edits: [
      {
        file: 'lib/kubernetes/outcome.ts',
        find: 'const transientStatuses = new Set([401, 408, 429, 500, 502, 503, 504]);',
        replace: 'const transientStatuses = new Set([408, 429, 500, 502, 503, 504]);',
      },
    ],
  },
];
