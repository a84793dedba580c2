import type { Mutant } from './mutant.ts';

export const leaseMutants: readonly Mutant[] = [
  {
    name: 'abandoned-request',
    defect: 'A request that has taken too long is no longer waited for, but goes on.',
    trap: 'an abandoned attempt that renews later',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/campaign.ts',
        find: 'const answer = request(controller.signal);',
        replace: 'const answer = request(this.#closed.signal);',
      },
    ],
  },
  {
    name: 'abandoned-work-untold',
    defect: 'Work that was given up and goes on is told nobody.',
    trap: 'an end that looks clean while the work goes on',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/election.ts',
        find: `const abandonedWork = outcome ? undefined : this.#abandon('the work', why, tenure);`,
        replace: 'const abandonedWork = outcome ? undefined : undefined;',
      },
    ],
  },
  {
    name: 'altered-record-believed',
    defect: 'What is stored otherwise than it was sent is believed, if only the holder is right.',
    trap: 'an admission webhook that writes a renewTime of its own: no renewal is ever seen',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/record.ts',
        find: `return otherThan(sent, stored) ?? (hasDuration ? undefined : 'leaseDurationSeconds');`,
        replace: `return sent.holderIdentity !== stored.holderIdentity || !hasDuration ? 'holderIdentity' : undefined;`,
      },
    ],
  },
  {
    name: 'beginning-forgotten',
    defect: 'A renewal writes when it was made as the time at which the lease was acquired.',
    trap: 'what people and other programs read in the Lease: a leader seems to have just begun',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/record.ts',
        find: 'acquireTime: (held ? previous?.acquireTime : undefined) ?? time,',
        replace: 'acquireTime: time,',
      },
    ],
  },
  {
    name: 'blind-watch-believed',
    defect:
      'A watch is believed to tell of everything, although it was silent while the Lease changed.',
    trap: 'a watch that is silent and open: who trusts it waits for a whole lease, again and again',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: `function watchAfterRead(state: State, version: LockVersion | undefined): Watch {
  return state.watch === 'current' && isNews(state, version) ? 'silent' : state.watch;`,
        replace: `function watchAfterRead(state: State, _version: LockVersion | undefined): Watch {
  return state.watch;`,
      },
    ],
  },
  {
    name: 'conflict-retried',
    defect: 'A write that is refused for its version is repeated with the new one, unseen.',
    trap: 'a retry without a fresh look at whose lease it is',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/kubernetes/lease.ts',
        find: `if (isAbsent(error) || isConflict(error)) return 'conflict';
      throw error;`,
        replace: `if (isAbsent(error)) return 'conflict';
      if (!isConflict(error)) throw error;
      const latest = await this.get(signal);
      return latest ? this.update(latest, record, signal) : 'conflict';`,
      },
    ],
  },
  {
    name: 'created-at-once',
    defect: 'A Lease that was deleted is created anew at once.',
    trap: 'a deletion does not tell its holder: it leads until it renews',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/known.ts',
        find: 'return { ...state, gone: true, heldUntilMs, deletedUntilMs: heldUntilMs };',
        replace: 'return { ...state, gone: true, heldUntilMs: Number.NEGATIVE_INFINITY };',
      },
    ],
  },
  {
    name: 'doubt-taken-as-failure',
    defect: 'A write without an answer is taken for one that has failed.',
    trap: 'an ambiguous write: whoever stops then leaves a lease behind in its name',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: `const writeUnconfirmed = before.writeUnconfirmed || (event.ambiguous && command.do !== 'get');`,
        replace: 'const writeUnconfirmed = before.writeUnconfirmed;',
      },
    ],
  },
  {
    name: 'elector-ignores-retry-after',
    defect: 'An elector does not heed for how long the API server asks to be left alone.',
    trap: 'a 429 with Retry-After',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/lease-connection.ts',
        find: 'retryAfterMs: error instanceof ApiError ? error.retryAfterMs : undefined,',
        replace: 'retryAfterMs: undefined,',
      },
    ],
  },
  {
    name: 'elector-watch-left',
    defect: 'The watch of an elector goes on after its run.',
    trap: 'something is left running',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/campaign.ts',
        find: 'await lock.watch?.(listener, this.#closed.signal);',
        replace: 'await lock.watch?.(listener, neverAborts());',
      },
    ],
  },
  {
    name: 'expiry-by-renew-time',
    defect: 'A lease expires by the time that is written in it.',
    trap: 'wall clocks that differ, or jump: expiry by renewTime',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/known.ts',
        find: 'return when.nowMs + durationMs(record, settings.leaseDurationMs);',
        replace: `const { renewTime } = record;
  const agoMs = renewTime === undefined ? 0 : when.dateMs - Date.parse(renewTime);
  return when.nowMs - agoMs + durationMs(record, settings.leaseDurationMs);`,
      },
    ],
  },
  {
    name: 'expiry-from-the-first-sight',
    defect:
      "Another's lease is judged from when it was first seen to hold it, not from its last renewal.",
    trap: 'off by one renewal, and by every later one',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/known.ts',
        find: 'if (isMine(version, state)) return bounded(seen, record);',
        replace: `if (isMine(version, state)) return bounded(seen, record);
  if (known?.record.holderIdentity === record.holderIdentity) return news;`,
      },
    ],
  },
  {
    name: 'fine-boot-clock-assumed',
    defect: 'The boot clock is taken for a fine one, whatever its resolution.',
    trap: 'Bun and Deno tell the time since boot in whole seconds: a healthy leader does not believe that it leads, and is told of losses too early',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/platform/clock.ts',
        find: 'let isCoarse = true;',
        replace: 'let isCoarse = false;',
      },
    ],
  },
  {
    name: 'identity-by-prefix',
    defect: "A holder whose name begins with one's own is taken for oneself.",
    trap: 'identities compared by prefix',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/known.ts',
        find: 'const isInName = version.record.holderIdentity === state.settings.identity;',
        replace:
          'const isInName = version.record.holderIdentity.startsWith(state.settings.identity);',
      },
      {
        file: 'lib/protocol/lease/record.ts',
        find: 'held = previous?.holderIdentity === identity,',
        replace: 'held = previous?.holderIdentity.startsWith(identity) ?? false,',
      },
    ],
  },
  {
    name: 'late-answer',
    defect: 'An answer that took longer than it proves anything counts from when it came.',
    trap: 'an abandoned attempt, or a late answer, renews a leadership that is over',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: `// An answer that took too long proves nothing any more: the lock is asked once more.
  const late = leftMs(issuedAt, deadlineMs, when) <= 0;
  if (state.phase === 'following' && late) return get({ ...state, writeUnconfirmed: true }, when);`,
        replace: `// An answer that took too long counts from when it came.
  const late = leftMs(issuedAt, deadlineMs, when) <= 0;`,
      },
      {
        file: 'lib/protocol/lease/step.ts',
        find: `return wait({ ...led, renewedAt: issuedAt, deadlineMs }, renewalMs(led, version, when), 'decide');`,
        replace: `const renewedAt = late ? when : issuedAt;
  return wait({ ...led, renewedAt, deadlineMs }, renewalMs(led, version, when), 'decide');`,
      },
    ],
  },
  {
    name: 'leads-after-its-end',
    defect: 'A term that is over goes on to be proven until its time is up.',
    trap: 'isLeader() is true after the work has ended, and while the lease is released',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/term.ts',
        find: `    if (this.#isOver) return 0;
`,
        replace: '',
      },
    ],
  },
  {
    name: 'leads-at-shutdown',
    defect:
      'A candidate that is cancelled while its write is under way starts to work if that succeeds.',
    trap: 'a process that shuts down begins to lead',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/campaign.ts',
        find: `      signal.throwIfAborted();
`,
        replace: '',
      },
    ],
  },
  {
    name: 'leads-on-reading',
    defect: "A candidate that reads its own name as the holder's leads at once, without a write.",
    trap: 'work that is started before the write has succeeded',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/following.ts',
        find: 'import { heldUntil, isFree } from',
        replace: 'import { heldUntil, isFree, isMine } from',
      },
      {
        file: 'lib/protocol/lease/following.ts',
        find: 'const { version, gone, heldUntilMs, settings } = state;',
        replace: `const { version, gone, heldUntilMs, settings } = state;
  if (version && !gone && isMine(version, state)) {
    const led = { ...state, phase: 'leading' as const, renewedAt: state.issuedAt, written: version };
    return wait(led, when.nowMs + settings.retryPeriodMs, 'decide');
  }`,
      },
    ],
  },
  {
    name: 'lease-forgotten',
    defect: 'Whoever campaigns again after a loss has forgotten the Lease that he knew.',
    trap: 'a deleted Lease that is created at once: a cousin, for it was seen in the last campaign',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/election.ts',
        find: `  /** What the last campaign saw. The next one must know who led: the lock may be deleted in between. */
  #known: Known | undefined;
`,
        replace: '',
      },
      {
        file: 'lib/lease/election.ts',
        find: `      known: this.#known,
`,
        replace: '',
      },
      {
        file: 'lib/lease/election.ts',
        find: `      this.#known = campaign.known;
`,
        replace: '',
      },
    ],
  },
  {
    name: 'milliseconds',
    defect: 'Times are written with three decimals.',
    trap: 'the API server refuses what is no MicroTime, as it does fractions and zeros for a duration: nobody ever leads',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/record.ts',
        find: `return new Date(dateMs).toISOString().replace('Z', '000Z');`,
        replace: 'return new Date(dateMs).toISOString();',
      },
    ],
  },
  {
    name: 'namesake-unnoticed',
    defect: "Whatever is in the Lease under a leader's own name is taken for its own.",
    trap: 'two processes of one identity, which renew one Lease in turn',
    seenIn: ['lease', 'mixed'],
    edits: [
      {
        file: 'lib/protocol/lease/known.ts',
        find: 'return isInName && (state.written === undefined || isSent(version, state));',
        replace: 'return isInName;',
      },
    ],
  },
  {
    name: 'old-event-believed',
    defect: 'An event that tells of an older version than the known one is taken for news.',
    trap: 'a cousin of the hint that is believed: a watch that is late tells a new leader of the old one',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: 'if (before.version && isOlder(version.resourceVersion, before.version.resourceVersion)) {',
        replace:
          'if (before.version && before.version.resourceVersion === version.resourceVersion) {',
      },
    ],
  },
  {
    name: 'opened-watch-believed',
    defect: 'A watch is relied on as soon as it is open, although it has shown nothing.',
    trap: 'a proxy that passes the heads of watches and holds their bodies',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: 'function watchAfterRead(state: State, version: LockVersion | undefined): Watch {',
        replace: `function watchAfterRead(state: State, version: LockVersion | undefined): Watch {
  if (state.watch === 'silent') return 'current';`,
      },
    ],
  },
  {
    name: 'own-duration',
    defect: "Another's lease is taken to last as long as one's own would.",
    trap: "the reader's own duration is used for the expiry, not the one on record",
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/known.ts',
        find: 'return when.nowMs + durationMs(record, settings.leaseDurationMs);',
        replace:
          'return when.nowMs + Math.min(durationMs(record, settings.leaseDurationMs), settings.leaseDurationMs);',
      },
    ],
  },
  {
    name: 'own-write-taken-for-anothers',
    defect:
      "A write of the leader's own that had no answer, and was made, is taken for another process's.",
    trap: 'who looks for namesakes finds himself',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/known.ts',
        find: 'const own = written ? [written.record, ...sent] : sent;',
        replace: 'const own = written ? [written.record] : sent;',
      },
    ],
  },
  {
    name: 'page-for-no-lease',
    defect: 'Any 404 says that there is no Lease, whoever answers it.',
    trap: 'client-go takes every 404 for "not found", and creates',
    seenIn: ['lease', 'mixed'],
    edits: [
      {
        file: 'lib/kubernetes/answer.ts',
        find: 'if (!isFailure(answer, status)) {',
        replace: `if (!isFailure(answer, status)) {
    if (status === 404 && request.path.includes('/leases/')) {
      const said: Status = { status, reason: 'NotFound', message: '', causes: [], about: 'object' };
      return new ApiError(said, line);
    }`,
      },
    ],
  },
  {
    name: 'patch-for-put',
    defect: 'A Lease is written by a merge patch, which names no version.',
    trap: 'patches without a resourceVersion: two candidates that find an expired lease both win',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/kubernetes/lease.ts',
        find: `const request = { method: 'PUT' as const, path, body };`,
        replace: `const contentType = 'application/merge-patch+json';
      const patch = { spec: child(body, 'spec') };
      const request = { method: 'PATCH' as const, path, body: patch, contentType };`,
      },
    ],
  },
  {
    name: 'patient-leader',
    defect: 'A leader that is told to come back when it is too late does.',
    trap: 'a Retry-After, or a backoff, that is longer than what is left of the lease: it is lost although it could be renewed',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/leading.ts',
        find: `if (phase !== 'leading' || !renewedAt) return Number.POSITIVE_INFINITY;`,
        replace: `if (phase !== 'releasing' || !renewedAt) return Number.POSITIVE_INFINITY;`,
      },
    ],
  },
  {
    name: 'patient-requests',
    defect: 'A request may take as long as a leadership lasts.',
    trap: 'a request timeout that equals the renew deadline: one slow request loses the lease',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/election.ts',
        find: 'return Math.min(this.#options.durations.renewDeadlineMs / 2, REQUEST_TIMEOUT_MS);',
        replace: 'return Math.min(this.#options.durations.renewDeadlineMs, REQUEST_TIMEOUT_MS);',
      },
    ],
  },
  {
    name: 'polls-in-step',
    defect: 'Every look at a lease that is not watched comes exactly one period after the last.',
    trap: 'timers without jitter: whoever cannot watch asks with all others that cannot',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/following.ts',
        find: 'const pollMs = when.nowMs + settings.retryPeriodMs * (1 - POLL_JITTER * when.random);',
        replace: 'const pollMs = when.nowMs + settings.retryPeriodMs;',
      },
    ],
  },
  {
    name: 'release-unread',
    defect:
      'A release after a write without an answer is written without reading whose lease it is by now.',
    trap: 'a cousin of the release without a check: it is refused for its version, and then given up',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: 'const state = { ...before, failures: 0, conflicts: conflicts + 1, writeUnconfirmed };',
        replace: `const state = { ...before, failures: 0, conflicts: conflicts + 1, writeUnconfirmed };
  if (state.phase === 'releasing') return end(state);`,
      },
      {
        file: 'lib/protocol/lease/step.ts',
        find: 'const certain = version && !state.gone && !writeUnconfirmed && isSent(version, state);',
        replace: 'const certain = version && !state.gone;',
      },
    ],
  },
  {
    name: 'release-without-check',
    defect: 'A release is written over whatever was read last, whoever holds it.',
    trap: "client-go's release wipes the lease of a successor",
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: 'const certain = version && !state.gone && !writeUnconfirmed && isSent(version, state);',
        replace: 'const certain = version && !state.gone && !writeUnconfirmed;',
      },
      {
        file: 'lib/protocol/lease/step.ts',
        find: 'return state.version && !state.gone && isSent(state.version, state)',
        replace: 'return state.version && !state.gone',
      },
    ],
  },
  {
    name: 'released-for-its-duration',
    defect: 'A release leaves the duration of its holder on record.',
    trap: 'what client-go writes is a second: who goes by the record alone waits for the whole duration',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/record.ts',
        find: 'leaseDurationSeconds: 1,',
        replace: 'leaseDurationSeconds: previous.leaseDurationSeconds,',
      },
    ],
  },
  {
    name: 'released-once',
    defect: 'A release that fails is not tried again.',
    trap: 'a release that is sent and forgotten: one error, and everybody waits for the lease to expire',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: `const writeUnconfirmed = before.writeUnconfirmed || (event.ambiguous && command.do !== 'get');`,
        replace: `const writeUnconfirmed = before.writeUnconfirmed || (event.ambiguous && command.do !== 'get');
  if (before.phase === 'releasing') return end(before);`,
      },
    ],
  },
  {
    name: 'released-under-the-work',
    defect: 'A lease is released as soon as that is asked for, while the work may still run.',
    trap: "client-go's release on cancel: the work of two overlaps",
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/election.ts',
        find: `if (first === 'cancelled') term.end(signal.reason);`,
        replace: `if (first === 'cancelled') {
      term.end(signal.reason);
      stop.abort();
      await renewing;
      if (this.#options.releaseOnCancel) await campaign?.release();
    }`,
      },
    ],
  },
  {
    name: 'renewal-by-watch',
    defect: 'A leader renews its lease when the watch has shown it the last renewal.',
    trap: 'renewals driven by watch events: a silent watch ends them',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: `return wait({ ...led, renewedAt: issuedAt, deadlineMs }, renewalMs(led, version, when), 'decide');`,
        replace: `const untilMs =
    state.watch === 'closed' ? renewalMs(led, version, when) : when.nowMs + deadlineMs;
  return wait({ ...led, renewedAt: issuedAt, deadlineMs }, untilMs, 'decide');`,
      },
      {
        file: 'lib/protocol/lease/step.ts',
        find: `if (state.phase === 'leading' && (!news || isMine(version, state)) && !isShorter) return state;`,
        replace: `if (state.phase === 'leading' && (!news || isMine(version, state)) && !isShorter) {
    return wait(state, renewalMs(state, version, when), 'decide');
  }`,
      },
    ],
  },
  {
    name: 'renewals-in-step',
    defect: 'Every renewal comes exactly one period after the last.',
    trap: 'timers without jitter: a fleet that was restarted at once asks at once for ever',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/leading.ts',
        find: 'const RENEWAL_JITTER = 0.02;',
        replace: 'const RENEWAL_JITTER = 0;',
      },
    ],
  },
  {
    name: 'role-for-a-quota',
    defect: 'A quota that refuses a Lease is answered with a Role to apply.',
    trap: 'every 403 taken for a missing right',
    seenIn: ['lease', 'mixed'],
    edits: [
      {
        file: 'lib/kubernetes/remedy.ts',
        find: `if (quota !== undefined) return { code: 'ERR_REJECTED', advice: quota };`,
        replace: `if (quota !== undefined) return { code: 'ERR_FORBIDDEN', advice: refused.role(undefined) };`,
      },
    ],
  },
  {
    name: 'shortened-duration-ignored',
    defect: 'A leader counts on the duration that it asked for, whatever is stored.',
    trap: 'an admission webhook that lowers leaseDurationSeconds',
    seenIn: ['lease', 'mixed'],
    edits: [
      {
        file: 'lib/protocol/lease/known.ts',
        find: 'return Math.min(durationMs(record, leaseDurationMs) / leaseDurationMs, 1);',
        replace:
          'return Math.min(durationMs(record, leaseDurationMs) / leaseDurationMs, 1) > 0 ? 1 : 0;',
      },
    ],
  },
  {
    name: 'sleep-forgotten',
    defect: 'Only the monotonic clock counts, which stands still while the machine sleeps.',
    trap: 'a machine that is suspended: its leader wakes up as one',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/validity.ts',
        find: 'return drift > DRIFT_MS ? drift : 0;',
        replace: 'return drift < -DRIFT_MS ? drift : 0;',
      },
    ],
  },
  {
    name: 'stale-renewal',
    defect: 'A leader whose write is refused for its version tries again with the same.',
    trap: 'a 409 that is retried instead of read: every label costs the lease',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: `if (conflicts === 0) return get(state, when);
  const delayMs = backoffMs(conflicts - 1, settings.retryPeriodMs, when.random, FIRST_RETRY_MS);
  return wait(state, when.nowMs + Math.min(delayMs, urgencyMs(state, when)), 'get');`,
        replace: `if (conflicts === 0) return state.phase === 'leading' ? decide(state, when) : get(state, when);
  const delayMs = backoffMs(conflicts - 1, settings.retryPeriodMs, when.random, FIRST_RETRY_MS);
  const next = state.phase === 'leading' ? 'decide' : 'get';
  return wait(state, when.nowMs + Math.min(delayMs, urgencyMs(state, when)), next);`,
      },
    ],
  },
  {
    name: 'stop-callback-skipped',
    defect: 'Where leadership is lost, nobody is told that it has ended.',
    trap: 'a stop callback that is skipped',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/election.ts',
        find: 'const stopped = await this.#within(settle(() => job.onStopped?.()));',
        replace:
          'const stopped = await this.#within(settle(() => (term.error ? undefined : job.onStopped?.())));',
      },
    ],
  },
  {
    name: 'term-resumed',
    defect: 'A leader whose lease is free takes it back, although another one has led since.',
    trap: 'a holder that is compared, and transitions that are not: two terms under one fencing token',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/leading.ts',
        find: 'version.uid === written?.uid && leaseTransitions === written?.record.leaseTransitions;',
        replace:
          'version.uid === written?.uid && leaseTransitions >= (written?.record.leaseTransitions ?? 0);',
      },
    ],
  },
  {
    name: 'token-from-transitions',
    defect: 'The fencing token is the number of transitions.',
    trap: 'a token has to grow for good: a Lease that is deleted counts anew',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/election.ts',
        find: `const fencingToken = tenure?.version.resourceVersion ?? '0';`,
        replace: 'const fencingToken = String(tenure?.version.record.leaseTransitions ?? 0);',
      },
    ],
  },
  {
    name: 'token-of-the-read',
    defect: 'The fencing token is the version that the acquiring write has replaced.',
    trap: 'a token from the wrong object: that of the version before is one that the last leader may have',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/campaign.ts',
        find: `try {
      while (this.#state.phase === 'following') await this.#advance(signal, 'throw');`,
        replace: `let replaced: LockVersion | undefined;
    try {
      while (this.#state.phase === 'following') {
        replaced = this.#state.version;
        await this.#advance(signal, 'throw');
      }`,
      },
      {
        file: 'lib/lease/campaign.ts',
        find: 'const { version } = this.#state;',
        replace: 'const version = replaced ?? this.#state.version;',
      },
    ],
  },
  {
    name: 'two-elections-of-a-process',
    defect: 'A process may compete for a Lease twice under one identity.',
    trap: 'one LeaseLock in two electors',
    seenIn: ['lease', 'mixed'],
    edits: [
      {
        file: 'lib/lease/election.ts',
        find: 'this.#running = lock && (await this.#platform.elections.begin(lock.key, wait.signal));',
        replace:
          'this.#running = lock && (await this.#platform.elections.begin({ ...lock.key, uid: this.#platform.clock.uuid() }, signal));',
      },
    ],
  },
  {
    name: 'unwatched-not-read',
    defect:
      'A candidate whose watch is lost does not read the lease until its holder’s time is over.',
    trap: 'a cousin of the silent watch: without one, polls are all there is',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/following.ts',
        find: `if (state.watch === 'current') return wait(state, attemptMs, 'decide');`,
        replace: `if (state.watch !== 'silent') return wait(state, attemptMs, 'decide');`,
      },
    ],
  },
  {
    name: 'valid-a-millisecond-longer',
    defect: 'A renewal proves leadership for a millisecond longer than it does.',
    trap: 'off by one: where clocks differ by as much as is tolerated, two lead for an instant',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/validity.ts',
        find: 'return limitMs - (now.nowMs - since.nowMs) - suspendedMs(since, now);',
        replace: 'return limitMs + 1 - (now.nowMs - since.nowMs) - suspendedMs(since, now);',
      },
    ],
  },
  {
    name: 'valid-for-the-lease',
    defect: 'A leader believes that it leads for as long as its lease lasts.',
    trap: "clock rates that differ: nothing is left between the end of one's own leadership and the beginning of another's",
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: 'const deadlineMs = settings.renewDeadlineMs * shareOf(version.record, settings);',
        replace: 'const deadlineMs = settings.leaseDurationMs * shareOf(version.record, settings);',
      },
    ],
  },
  {
    name: 'valid-from-the-answer',
    defect: 'A renewal proves leadership from when it was answered.',
    trap: 'validity counted from the answer: the lease began when the write was carried out, which nobody but the sender can bound',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/step.ts',
        find: `return wait({ ...led, renewedAt: issuedAt, deadlineMs }, renewalMs(led, version, when), 'decide');`,
        replace: `return wait({ ...led, renewedAt: when, deadlineMs }, renewalMs(led, version, when), 'decide');`,
      },
    ],
  },
  {
    name: 'wall-clock-written',
    defect: 'What is written is what the wall clock shows, be it what was written last.',
    trap: 'a wall clock that stands still hides every renewal: the lease of a leader is taken over',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/protocol/lease/writes.ts',
        find: `function nextStamp({ stamp }: State, { dateMs, nowMs }: Moment): Stamp {
  if (!stamp) return { dateMs, readMs: dateMs, nowMs };
  const passedMs = nowMs - stamp.nowMs;
  const wentMs = dateMs - stamp.readMs;
  // It stands still, crawls, or has not caught up yet with what was written ahead of it.
  const lags = wentMs >= 0 && (wentMs < passedMs / 2 || dateMs <= stamp.dateMs);
  const second = (ms: number) => Math.floor(ms / 1_000);
  const hidden =
    passedMs >= 1_000 ? second(dateMs) === second(stamp.dateMs) : dateMs === stamp.dateMs;
  const visibleMs = stamp.dateMs + Math.max(Math.round(passedMs), 1);
  return { dateMs: lags || hidden ? visibleMs : dateMs, readMs: dateMs, nowMs };`,
        replace: `function nextStamp(_: State, { dateMs, nowMs }: Moment): Stamp {
  return { dateMs, readMs: dateMs, nowMs };`,
      },
    ],
  },
  {
    name: 'work-goes-on',
    defect: 'The signal of the work does not abort when leadership is lost.',
    trap: 'work that goes on after the loss',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/term.ts',
        find: 'this.close(error);',
        replace: `this.#isOver = true;
    this.#cancel();`,
      },
    ],
  },
  {
    name: 'work-of-two-terms',
    defect: 'With recampaign, the next campaign begins while the old work goes on.',
    trap: 'a signal that has aborted is no proof that its work has ended',
    seenIn: ['lease'],
    edits: [
      {
        file: 'lib/lease/election.ts',
        find: 'await abortable(ending.work, signal).catch((error: unknown) => {',
        replace:
          'await abortable(Promise.race([ending.work, undefined]), signal).catch((error: unknown) => {',
      },
    ],
  },
];
