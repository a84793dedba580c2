import type { Mutant } from './mutant.ts';

export const lifeMutants: readonly Mutant[] = [
  {
    name: 'abort-leaks-create',
    defect: 'A create that is answered while the wait is given up is kept.',
    trap: 'an abort leaves behind what was created: a Pod that does not want to lead holds the lock',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/life/own-creates.ts',
        find: 'let mayBeThere = this.#mayHaveCreated || this.#createMayLandUntilMs > clock.now();',
        replace: `let mayBeThere =
      (this.#mayHaveCreated && signal === undefined) || this.#createMayLandUntilMs > clock.now();`,
      },
    ],
  },
  {
    name: 'create-forgotten',
    defect:
      'After a create that was not answered, nothing is taken back when nobody wants to lead any more.',
    trap: 'an ambiguous create: it timed out, and the object is there, with the UID of a Pod that has stopped asking',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/life/own-creates.ts',
        find: `if (mayLand(error)) this.#createMayLandUntilMs = untilMs;
        else this.#mayHaveCreated = before;`,
        replace: 'if (!mayLand(error) || untilMs > 0) this.#mayHaveCreated = before;',
      },
    ],
  },
  {
    name: 'delete-without-preconditions',
    defect: 'The lock is deleted by name only.',
    trap: 'two followers free the lock of one that has gone, and the second deletes that of the next leader',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/kubernetes/config-map-lock.ts',
        find: 'async delete(lock: Lock, signal?: AbortSignal): Promise<boolean> {',
        replace: 'async delete(_: Lock, signal?: AbortSignal): Promise<boolean> {',
      },
      {
        file: 'lib/kubernetes/config-map-lock.ts',
        find: `const preconditions = { uid: lock.uid, resourceVersion: lock.resourceVersion };
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
      return await this.#api.request({ method: 'DELETE', path, body }, () => true, signal);`,
        replace: `return await this.#api.request({ method: 'DELETE', path }, () => true, signal);`,
      },
    ],
  },
  {
    name: 'delete-without-uid',
    defect: 'A deletion names the version, but not the UID.',
    trap: 'a cousin of deletions without preconditions: a restored API server counts its versions anew',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/kubernetes/config-map-lock.ts',
        find: 'const preconditions = { uid: lock.uid, resourceVersion: lock.resourceVersion };',
        replace: 'const preconditions = { resourceVersion: lock.resourceVersion };',
      },
    ],
  },
  {
    name: 'delete-without-version',
    defect: 'A deletion names the UID, but not the version.',
    trap: 'a cousin of deletions without preconditions: somebody may have changed who holds that object since it was read',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/kubernetes/config-map-lock.ts',
        find: 'const preconditions = { uid: lock.uid, resourceVersion: lock.resourceVersion };',
        replace: 'const preconditions = { uid: lock.uid };',
      },
    ],
  },
  {
    name: 'doubt-ends-with-a-look',
    defect: 'A create without an answer is forgotten as soon as one look does not find the lock.',
    trap: 'a cousin of the ambiguous create: it may still be carried out after the look',
    seenIn: ['life'],
    within: 1000,
    edits: [
      {
        file: 'lib/life/own-creates.ts',
        find: 'mayBeThere = mayLandMs > 0;',
        replace: 'mayBeThere = false;',
      },
    ],
  },
  {
    name: 'doubt-ends-with-a-victory',
    defect:
      'Who leads forgets the create that went without an answer before, and a release deletes the lock once.',
    trap: 'a cousin of the ambiguous create: it may be carried out after the lock that it found was deleted',
    seenIn: ['life'],
    within: 3000,
    edits: [
      {
        file: 'lib/life/campaign.ts',
        find: `        await creates.takeBack(podUid, lock);
`,
        replace: '',
      },
    ],
  },
  {
    name: 'foreground-forgotten',
    defect: 'That a lock is gone always means that its holder is.',
    trap: "a cousin of the garbage collector's ways: a Pod deleted in the foreground loses its lock at once, and runs on until its grace is over",
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/predecessors.ts',
        find: 'const hasEnded = lock.released || isKnownToBeOver;',
        replace: `const hasEnded = lock.released || isKnownToBeOver || known.podUid !== '';`,
      },
    ],
  },
  {
    name: 'foreign-lock-freed',
    defect:
      'A ConfigMap of this name that has no owner is deleted as if it were a lock left behind.',
    trap: "a lock with no owner may be a user's own ConfigMap",
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/look.ts',
        find: `if (!holder) return fail(state, { because: 'foreign-lock', lock });`,
        replace: `if (!holder) return { ...state, command: { do: 'reclaim', lock } };`,
      },
    ],
  },
  {
    name: 'found-by-a-release-and-forgotten',
    defect: 'A release forgets the lock that it has found instead of its own.',
    trap: 'a cousin of the predecessor that is forgotten: its Pod is deleted in the foreground before the next call of the process',
    seenIn: ['life'],
    within: 3000,
    edits: [
      {
        file: 'lib/life/campaign.ts',
        find: 'creates.foundInstead(other ? [other] : [], lock);',
        replace: 'creates.foundInstead(other ? [] : [], lock);',
      },
    ],
  },
  {
    name: 'found-last-only',
    defect: 'Of the locks that a call reads as it ends, it passes on the last.',
    trap: 'a cousin of the predecessor that is forgotten: its lock ends while another call of the same Pod gives up',
    seenIn: ['life'],
    within: 12500,
    edits: [
      {
        file: 'lib/life/seen-locks.ts',
        find: 'if (lock) this.#locks = [...this.#locks.filter((other) => !isSameTenure(other, lock)), lock];',
        replace: 'this.#locks = lock ? [lock] : [];',
      },
    ],
  },
  {
    name: 'lost-and-never-looked',
    defect: 'After a loss nobody looks for what a create without an answer makes.',
    trap: 'a cousin of the ambiguous create: it may be carried out after the lock that it found was deleted',
    seenIn: ['life'],
    within: 12500,
    edits: [
      {
        file: 'lib/life/campaign.ts',
        find: 'await creates.withdraw(podUid, lock);',
        replace: 'await Promise.resolve();',
      },
    ],
  },
  {
    name: 'gone-is-an-error',
    defect: 'That the lock is gone already when it is to be deleted is an error.',
    trap: 'a 404 for a deletion is reported as a failure',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/kubernetes/config-map-lock.ts',
        find: 'if (isAbsent(error) || isConflict(error)) return false;',
        replace: 'if (isConflict(error)) return false;',
      },
    ],
  },
  {
    name: 'gone-watch-given-up',
    defect: 'A watch that is answered with 410 is not opened again.',
    trap: 'a watch whose version the API server has forgotten',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/kubernetes/watch.ts',
        find: 'if (error instanceof ApiError && !this.#api.isTransient(error) && error.status !== 410) {',
        replace: 'if (error instanceof ApiError && !this.#api.isTransient(error)) {',
      },
    ],
  },
  {
    name: 'hint-believed',
    defect: 'The lock is freed on the word of a watch that its holder is over, without a look.',
    trap: 'a watch is late and leaves things out: what it says of a Pod may be of another, before it, of the same name',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/hints.ts',
        find: 'if (state.holder && liveness === livenessOf(state.holder)) return state;',
        replace: `if (state.holder && liveness === livenessOf(state.holder)) return state;
  if (state.lock && (liveness === 'finished' || liveness === 'gone')) {
    return { ...state, command: { do: 'reclaim', lock: state.lock } };
  }`,
      },
    ],
  },
  {
    name: 'hint-of-another-stored',
    defect:
      'What a watch shows of a Pod is stored as a reading of the holder, even if it is about another Pod.',
    trap: "the end of the former holder's Pod is told late, when the lock has a new holder",
    seenIn: ['life'],
    within: 3000,
    edits: [
      {
        file: 'lib/protocol/life/hints.ts',
        find: 'if (pod.of.uid !== expected.uid) return inspectBy(state, unhurriedMs);',
        replace: `if (pod.of.uid !== expected.uid) {
    const holder = { of: expected, found: pod.found };
    return { ...inspectBy(state, unhurriedMs), holder };
  }`,
      },
    ],
  },
  {
    name: 'leads-with-a-dying-lock',
    defect: 'A lock of this Pod that is marked for deletion counts as held.',
    trap: 'finalizers keep a deleted lock for a while: its holder leads no more, and another will as soon as it is gone',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/look.ts',
        find: `if (lock.deleting) return waitForChange(state, 'lock-deleting', event.watched, when);`,
        replace: `if (lock.deleting && holder.uid !== state.podUid) {
    return waitForChange(state, 'lock-deleting', event.watched, when);
  }`,
      },
      {
        file: 'lib/protocol/life/look.ts',
        find: 'if (!isHeld || lock.released || lock.deleting || state.predecessors.length > 0) {',
        replace: 'if (!isHeld || lock.released || state.predecessors.length > 0) {',
      },
    ],
  },
  {
    name: 'left-to-the-garbage-collector',
    defect: 'The lock of a Pod that is gone is left to the garbage collector, for however long.',
    trap: 'a garbage collector that is slow, or stands still',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/look.ts',
        find: `return onLockLeft(state, lock, 'gone', when);`,
        replace: 'return waitForChange(state, liveness, event.watched, when);',
      },
      {
        file: 'lib/protocol/life/look.ts',
        find: `obstacle: 'gone' | 'released',`,
        replace: `obstacle: 'released',`,
      },
    ],
  },
  {
    name: 'liveness-by-name',
    defect: 'A holder counts as alive while any Pod of its name is there.',
    trap: 'the same Pod name with another UID: the lock of the one that is gone is waited for, where nobody collects it',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/model.ts',
        find: `if (found === 'absent' || found.uid !== of.uid) return 'gone';`,
        replace: `if (found === 'absent' || found.name !== of.name) return 'gone';`,
      },
    ],
  },
  {
    name: 'mark-taken-for-granted',
    defect: 'The end of a lock that was looked at counts as a release, marked or not.',
    trap: "what a lock's end means is concluded from something else than what the lock says",
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/predecessors.ts',
        find: 'const hasEnded = lock.released || isKnownToBeOver;',
        replace: `const isReleased = lock.released || known.holder !== undefined;
  const hasEnded = isReleased || isKnownToBeOver;`,
      },
    ],
  },
  {
    name: 'name-for-uid',
    defect: 'A Pod takes a lock for its own because the name of the holder is its own.',
    trap: 'the successor of the same name inherits a lock whose owner is gone, and loses it to the garbage collector while it leads',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/look.ts',
        find: 'if (holder.uid === state.podUid) return onOwnLock(before, state, lock, event, when);',
        replace:
          'if (holder.name === state.settings.podName) return onOwnLock(before, state, lock, event, when);',
      },
      {
        file: 'lib/protocol/life/look.ts',
        find: 'const isHeld = isSameTenure(state.lock, lock) && holderOf(lock)?.uid === state.podUid;',
        replace: 'const isHeld = isSameTenure(state.lock, lock);',
      },
    ],
  },
  {
    name: 'no-look-after-a-loss',
    defect: 'A watch that is lost, and opens anew, calls for no look at what was missed meanwhile.',
    trap: 'a cousin of the hint that is believed: a watch without a version says nothing of what is not there any more',
    seenIn: ['life'],
    within: 1000,
    edits: [
      {
        file: 'lib/protocol/life/hints.ts',
        find: `    case 'watch-opened':
      return inspectBy(state, nowMs + staggerMs(state.candidateCount, random));
    case 'watch-lost':
      return inspectBy(state, nowMs + backoffMs(0, state.settings.maxBackoffMs, random));`,
        replace: `      return inspectBy(state, nowMs + staggerMs(state.candidateCount, random));
    case 'watch-opened':
    case 'watch-lost':
      return state;`,
      },
    ],
  },
  {
    name: 'no-status-is-over',
    defect: 'A Pod in a terminal phase of whose containers nothing is said is over.',
    trap: "a rejected Pod's statuses are wiped while it runs",
    seenIn: ['life'],
    within: 2000,
    edits: [
      {
        file: 'lib/kubernetes/pod.ts',
        find: `      list(status, 'containerStatuses').length === 0 ||
`,
        replace: '',
      },
    ],
  },
  {
    name: 'only-failed-pods-are-over',
    defect: 'Only a Pod that has failed is over, not one that has succeeded.',
    trap: 'terminal phases other than those of an eviction are not handled: the lock of a completed Pod is never freed',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/model.ts',
        find: `if (found.phase === 'Failed' || found.phase === 'Succeeded') {`,
        replace: `if (found.phase === 'Failed') {`,
      },
    ],
  },
  {
    name: 'orphan-is-foreign',
    defect: "A lock whose owner reference was stripped is taken for the user's own ConfigMap.",
    trap: 'a lock without an owner (restored, or its Pod deleted with --cascade=orphan) is never free again',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/model.ts',
        find: 'return lock.owner ?? lock.mark;',
        replace: 'return lock.owner;',
      },
    ],
  },
  {
    name: 'page-is-a-release',
    defect: 'Any JSON with a 200, and any 404, in answer to a deletion means that it is done.',
    trap: 'a release that is answered by something on the way, while the lock stays',
    seenIn: ['life'],
    within: 3000,
    edits: [
      {
        file: 'lib/kubernetes/answer.ts',
        find: 'if (!isFailure(answer, status)) {',
        replace: `if (!isFailure(answer, status)) {
    if (status === 404 && request.method === 'DELETE') {
      const said: Status = { status, reason: 'NotFound', message: '', causes: [], about: 'object' };
      return new ApiError(said, line);
    }`,
      },
      {
        file: 'lib/kubernetes/answer.ts',
        find: 'if (!subject) return true;',
        replace: `if (!subject || ['DELETE'].includes(request.method)) return true;`,
      },
    ],
  },
  {
    name: 'phase-is-enough',
    defect:
      'A Pod in a terminal phase is over although one of its containers is still said to run.',
    trap: 'a cousin of the terminal phases: a kubelet sets the phase before the last process has ended',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/model.ts',
        find: `return found.mayRun ? 'finishing' : 'finished';`,
        replace: `return 'finished';`,
      },
    ],
  },
  {
    name: 'predecessor-forgotten',
    defect: "That a process which finds the lock to be its Pod's leads, whoever had it before.",
    trap: 'a cousin of the restart under the same UID: a process that starts again in the Pod that holds the lock knows nothing of what its last one waited for',
    seenIn: ['life'],
    within: 2000,
    edits: [
      {
        file: 'lib/protocol/life/predecessors.ts',
        find: 'const all = joined(known, [...before, ...(lock?.predecessors ?? [])]);',
        replace: 'const all = joined(known, before);',
      },
    ],
  },
  {
    name: 'predecessor-unread',
    defect: 'That the Pods of predecessors are read, and what was read does not count.',
    trap: "a cousin of the garbage collector's ways: the lock is gone, and its Pod says that it runs",
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/predecessors.ts',
        find: `  isLeaving,
`,
        replace: '',
      },
      {
        file: 'lib/protocol/life/predecessors.ts',
        find: `return predecessors.filter(({ uid }) => {
    const reading = readings.find(({ of }) => of.uid === uid);
    return !reading || isLeaving(reading);
  });`,
        replace:
          'return predecessors.filter(({ uid }) => readings.every(({ of }) => of.uid !== uid));',
      },
    ],
  },
  {
    name: 'read-before-watch',
    defect: 'The lock is read before it is known whether the watch on it is open.',
    trap: 'a cousin of the hint that is believed: what happens between the read and the watch is seen by neither',
    seenIn: ['life'],
    within: 1000,
    edits: [
      {
        file: 'lib/life/inspector.ts',
        find: 'await abortable(watcher.watchLock(), signal);',
        replace: 'const opened = watcher.watchLock();',
      },
      {
        file: 'lib/life/inspector.ts',
        find: `state.lock ? this.#watchAndRead(state, state.lock, signal) : [],
    ]);`,
        replace: `state.lock ? this.#watchAndRead(state, state.lock, signal) : [],
    ]);
    await abortable(opened, signal);`,
      },
    ],
  },
  {
    name: 'reclaim-forgets',
    defect: 'Who reclaims a lock forgets the predecessors that it notes.',
    trap: "a cousin of the garbage collector's ways: the next holder of the lock ends before the Pod that it waited for",
    seenIn: ['life'],
    within: 3000,
    edits: [
      {
        file: 'lib/protocol/life/step.ts',
        find: '? attemptOrWait(ended(state, state.lock), when)',
        replace: '? attemptOrWait({ ...ended(state, state.lock), predecessors: [] }, when)',
      },
    ],
  },
  {
    name: 'refused-in-doubt',
    defect: 'A create is in doubt although its connection was refused.',
    trap: 'an API server that does not listen: who gives up is told only after ten seconds, and warned of a lock that cannot be there',
    seenIn: ['life'],
    within: 3000,
    edits: [
      {
        file: 'lib/platform/unconfirmed.ts',
        find: 'return !isKnown || isAmbiguous(error);',
        replace: 'return !isKnown || error instanceof NoAnswerError || isAmbiguous(error);',
      },
    ],
  },
  {
    name: 'release-deletes-the-next',
    defect: 'A release that finds another version deletes that.',
    trap: 'a release without a check: the first try was carried out without an answer, and somebody else leads by now',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/life/release.ts',
        find: 'while (lock?.uid === held.uid && holderOf(lock)?.uid === podUid) {',
        replace: 'while (lock && podUid) {',
      },
    ],
  },
  {
    name: 'released-lock-led-with',
    defect: 'A Pod leads with a lock that it has marked as released.',
    trap: 'a cousin of the restart under the same UID: a release that failed half-way has told others that they may take the lock',
    seenIn: ['life'],
    within: 2000,
    edits: [
      {
        file: 'lib/protocol/life/look.ts',
        find: `  // Others may take a lock that was given up: it is never led with again.
  if (lock.released) return { ...state, command: { do: 'reclaim', lock } };
`,
        replace: '',
      },
      {
        file: 'lib/protocol/life/look.ts',
        find: 'if (!isHeld || lock.released || lock.deleting || state.predecessors.length > 0) {',
        replace: 'if (!isHeld || lock.deleting || state.predecessors.length > 0) {',
      },
    ],
  },
  {
    name: 'retry-after-ignored',
    defect: 'The time for which the API server asks to be left alone is not heeded.',
    trap: 'a 429 with Retry-After',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/kubernetes/api.ts',
        find: 'const delayMs = wanted === undefined ? backoff : this.#notBefore(wanted);',
        replace:
          'const delayMs = wanted === undefined ? backoff : Math.min(backoff, this.#notBefore(wanted));',
      },
    ],
  },
  {
    name: 'retry-without-backoff',
    defect: 'What fails is tried again every 100 ms, however long it has failed.',
    trap: 'a read that goes on failing is repeated in a hot loop',
    seenIn: ['life'],
    within: 1000,
    edits: [
      {
        file: 'lib/kubernetes/api.ts',
        find: 'attemptNumber - 1,',
        replace: 'Math.min(attemptNumber - 1, 0),',
      },
    ],
  },
  {
    name: 'shown-or-not',
    defect: 'A watch that was opened counts, also while it shows nothing.',
    trap: 'a proxy passes the head of a watch and holds its events back: the lock is taken after 20 minutes',
    seenIn: ['life'],
    within: 3000,
    edits: [
      {
        file: 'lib/kubernetes/watch.ts',
        find: 'return this.#stream?.hasShown === true && !this.#isWary;',
        replace: 'return this.#stream !== undefined;',
      },
    ],
  },
  {
    name: 'silence-believed',
    defect:
      'A watch that says nothing for however long is taken for a watch of what does not change.',
    trap: 'half-open connections: nothing comes any more, and nobody says so',
    seenIn: ['life'],
    within: 1000,
    edits: [
      {
        file: 'lib/kubernetes/watch.ts',
        find: `const listen = () => {
      cancel();`,
        replace: `const listen = () => {
      cancel();
      if (this.#stream?.hasShown === true) return;`,
      },
    ],
  },
  {
    name: 'takeover-by-default',
    defect:
      'The Pod of a leader whose node is not ready is deleted although nobody asked for that.',
    trap: 'a node that does not answer says nothing of its processes: to free their lock is two leaders',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/look.ts',
        find: `const afterMs = state.settings.takeOverFromNotReadyNodeAfterMs;
  const pod = state.holder?.found;
  if (afterMs === undefined || event.node !== 'not-ready' || typeof pod !== 'object') {`,
        replace: `const afterMs = state.settings.takeOverFromNotReadyNodeAfterMs ?? 5_000;
  const pod = state.holder?.found;
  if (event.node !== 'not-ready' || typeof pod !== 'object') {`,
      },
      {
        file: 'lib/life/inspector.ts',
        find: `const { api, settings } = options;
    if (settings.takeOverFromNotReadyNodeAfterMs === undefined) return undefined;`,
        replace: 'const { api } = options;',
      },
    ],
  },
  {
    name: 'terminating-is-over',
    defect: 'A Pod that was asked to go is taken for gone.',
    trap: 'the processes of a Pod that is deleted run until their grace is over',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/model.ts',
        find: `return found.deleting ? 'terminating' : 'alive';`,
        replace: `return found.deleting ? 'gone' : 'alive';`,
      },
    ],
  },
  {
    name: 'two-elections',
    defect: 'A process competes for one lock as often as it likes.',
    trap: 'a cousin of the restart under the same UID: one of two calls releases the lock under the other',
    seenIn: ['life'],
    within: 1000,
    edits: [
      {
        file: 'lib/platform/elections.ts',
        find: `if (!other.isEnding) throw alreadyRunning(key);
      await abortable(other.ended, signal);`,
        replace: `if (!other.isEnding && key.name === '') throw alreadyRunning(key);
      return this.#add(key);`,
      },
    ],
  },
  {
    name: 'unconfirmed-end-forgotten',
    defect: 'A delete or a mark without an answer is forgotten.',
    trap: 'a cousin of the ambiguous create: the last try of a release arrives when this Pod leads with that lock again',
    seenIn: ['life'],
    within: 2000,
    edits: [
      {
        file: 'lib/platform/unconfirmed.ts',
        find: 'if (mayLand(error)) this.#uids.add(uid);',
        replace: `if (uid === '' && mayLand(error)) this.#uids.add(uid);`,
      },
    ],
  },
  {
    name: 'unsent-by-default',
    defect:
      'A request whose transport does not tell how far it came is taken for one that was never sent.',
    trap: 'an ambiguous create: the connection broke after it had been carried out, and nothing is taken back',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/kubernetes/api.ts',
        find: 'const progress = { sent: true };',
        replace: 'const progress = { sent: false };',
      },
    ],
  },
  {
    name: 'waits-for-itself',
    defect: 'A container that was restarted waits for its own Pod to go.',
    trap: 'the lock has the UID of this very Pod, from before a restart or by a create without an answer',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/protocol/life/look.ts',
        find: `  if (holder.uid === state.podUid) return onOwnLock(before, state, lock, event, when);
`,
        replace: '',
      },
      {
        file: 'lib/protocol/life/state.ts',
        find: `  if (holder?.uid === state.podUid) return predecessorsAt(state, lock)[0];
`,
        replace: '',
      },
      {
        file: 'lib/protocol/life/look.ts',
        find: `/** My own: of this call, or of an earlier one. */
function onOwnLock(
  before: State,
  state: State,
  lock: Lock,
  { watched }: { readonly watched: boolean },
  when: Moment,
): State {
  // Others may take a lock that was given up: it is never led with again.
  if (lock.released) return { ...state, command: { do: 'reclaim', lock } };
  const [first] = state.predecessors;
  if (!first) return lead(state, lock);
  // The Pod that was watched has ended: watch the next one.
  if (first.uid !== podsToRead(before, lock)[0]?.uid) return inspect(state);
  return waitForChange(state, 'terminating', watched, when);
}

`,
        replace: '',
      },
    ],
  },
  {
    name: 'wary-forgotten',
    defect: 'A watch that fell silent counts again as soon as the next one shows something.',
    trap: 'a proxy passes what a watch shows as it opens, and holds all that follows back',
    seenIn: ['life'],
    within: 3000,
    edits: [
      {
        file: 'lib/kubernetes/watch.ts',
        find: 'return this.#stream?.hasShown === true && !this.#isWary;',
        replace: 'return this.#stream?.hasShown === true;',
      },
    ],
  },
  {
    name: 'watch-left',
    defect: 'The watches go on after the lock was won.',
    trap: 'something is left running: a leader for life needs no connection',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/life/campaign.ts',
        find: `end();
      this.#watcher.close();`,
        replace: 'end();',
      },
    ],
  },
  {
    name: 'watch-not-reopened',
    defect: 'A watch that the server has ended is not opened again.',
    trap: 'a cousin of the silent watch: an API server ends each within the hour, and all when it goes down',
    seenIn: ['life'],
    within: 300,
    edits: [
      {
        file: 'lib/kubernetes/watch.ts',
        find: 'this.#listener.onLost(error);',
        replace: `this.#listener.onLost(error);
      if (error === undefined) return;`,
      },
    ],
  },
];
