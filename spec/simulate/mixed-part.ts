import type { Check } from './check.ts';
import { illness, leaseStepDowns, lifeStepDowns } from './events/handovers.ts';
import { heldWatches, lostConnections, refusedConnections } from './events/network.ts';
import { noticedMs, processes } from './events/processes.ts';
import type { Fact } from './fact.ts';
import type { Family } from './family.ts';
import { bootElector, leasePart } from './lease-part.ts';
import { lifePart } from './life-part.ts';
import type { Luck } from './luck.ts';
import type { Part } from './part.ts';
import type { Event, Setting, SlotSetting } from './schedule.ts';
import type { World } from './world.ts';

/** Electors come to their end first: calm takes life an hour, in which they would renew and renew. */
const parts = [leasePart, lifePart];

/** What happens to processes, whatever they compete for. */
const shared: readonly Family[] = [heldWatches, refusedConnections, lostConnections];

/** Drawn last, so that what was drawn before they were there stays the same. */
const latest: readonly Family[] = [lifeStepDowns, leaseStepDowns, illness];

function partOf(kind: SlotSetting['kind']): Part {
  const part = parts.find(({ kinds }) => kinds.includes(kind));
  if (!part) throw new Error(`Nobody plays candidates of the kind ${kind}`);
  return part;
}

/** A slot of an elector that is part of a process in which another candidate runs: of that slot. */
function hostOf(setting: SlotSetting): number | undefined {
  const { within: host } = setting;
  return typeof host === 'number' ? host : undefined;
}

/** The check, told only of candidates that are its part's; whatever happens to the world concerns it. */
function about({ kinds }: Part, check: Check): Check {
  return {
    name: check.name,
    begin: (world, violated) => {
      const notice = check.begin(world, violated);
      return (fact) => {
        if (!('who' in fact) || kinds.includes(fact.who.kind)) notice(fact);
      };
    },
  };
}

/** The family, happening only to slots that are its part's. */
function within({ kinds }: Part, family: Family): Family {
  return {
    ...family,
    draw: (luck, setting) => {
      const places = [...setting.slots.keys()].filter((index) => {
        const { kind } = setting.slots[index] ?? {};
        return kind !== undefined && kinds.includes(kind);
      });
      const slots = setting.slots.filter(({ kind }) => kinds.includes(kind));
      const move = (event: Event): Event => {
        const { slot } = event;
        if (slot === 'leader') return { ...event, of: kinds };
        return typeof slot === 'number' ? { ...event, slot: places[slot] } : event;
      };
      // There may be an elector in the process, whose clocks are as far apart as they may be.
      const lengthen = (event: Event): Event =>
        event.what === 'suspend'
          ? { ...event, forMs: Math.max(Number(event['forMs']), noticedMs(setting)) }
          : event;
      return family
        .draw(luck, { ...setting, slots })
        .map(move)
        .map(lengthen);
    },
  };
}

function familiesOfParts(isChosen: (family: Family) => boolean): Family[] {
  return parts.flatMap((part) => part.families.filter(isChosen).map((each) => within(part, each)));
}

/** Counts what only these worlds come by. */
function sightings({ figures, candidates }: World): (fact: Fact) => void {
  return (fact) => {
    if (fact.type !== 'leads') return;
    const { who } = fact;
    const others = candidates.filter(({ process }) => process === who.process);
    if (others.length > 1) figures.add('leads in a process that competes for both locks');
    if (others.some((other) => other !== who && other.isValid)) {
      figures.add('leads with both locks');
    }
  };
}

/** Some electors run in the process of a candidate for life, on that one's clock. */
function joined(
  luck: Luck,
  life: readonly SlotSetting[],
  electors: readonly SlotSetting[],
): SlotSetting[] {
  const hosts = [...life];
  const guests = electors.map((elector, index) => {
    const host = hosts[index];
    if (!host || elector.kind !== 'lease' || luck.chance(0.4)) return elector;
    hosts[index] = { ...host, clock: elector.clock };
    // Only a process that is told its Pod's name can ask who is preferred.
    const { prefers: _, ...guest } = elector;
    return { ...guest, within: index };
  });
  return [...hosts, ...guests];
}

function drawSetting(luck: Luck): Setting {
  const life = lifePart.drawSetting(luck.fork('life'));
  const lease = leasePart.drawSetting(luck.fork('lease'));
  const { troubleMs, moments } = luck.pick([life, lease]);
  const { gcDelayMs } = life;
  const slots = joined(luck.fork('joined'), life.slots, lease.slots);
  // Electors need a latency with which they can renew; life takes any.
  return { ...lease, slots, troubleMs, moments, gcDelayMs };
}

/** One cluster with a lock for life and a Lease, under the same faults; each is checked as by itself. */
export const mixedPart: Part = {
  kinds: parts.flatMap(({ kinds }) => kinds),
  locks: parts.flatMap(({ locks }) => locks),
  families: [
    processes,
    ...familiesOfParts((family) => ![processes, ...shared, ...latest].includes(family)),
    ...shared,
    ...familiesOfParts((family) => latest.includes(family)),
  ],
  checks: parts.flatMap((part) => part.checks.map((check) => about(part, check))),
  drawSetting,
  populate: (world) => {
    for (const part of parts) part.populate(world);
    world.listen(sightings(world));
  },
  boot: (world, slot) => {
    const host = hostOf(slot.setting);
    if (host === undefined) return partOf(slot.setting.kind).boot(world, slot);
    const candidate = world.boot(world.slot(host));
    return candidate && bootElector(world, slot, candidate.process);
  },
  heal: (world) => {
    for (const part of parts) part.heal(world);
  },
  calm: async (world) => {
    for (const part of parts) {
      if (!world.isBroken()) await part.calm(world);
    }
  },
};
