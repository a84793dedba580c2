import { describe, expect, it } from 'vitest';

import type { Lap } from './course.ts';
import type { Vitals } from './vitals.ts';
import { checkEnd, checkFlat, checkListeners, checkNone, checkResources } from './verdict.ts';

const HANDOVERS = 50;

/** Laps in which the heap varies by some noise, and grows by so many bytes with each handover. */
function laps(bytesPerHandover: number, noise = 4000): Lap[] {
  return Array.from({ length: 20 }, (_, index) => {
    const handovers = (index + 1) * HANDOVERS;
    const wave = noise * Math.sin(index * 2.4);
    return lap({ heap: 40e6 + wave + bytesPerHandover * handovers }, handovers);
  });
}

function lap(vitals: Partial<Vitals>, handovers = HANDOVERS): Lap {
  const defaults = { heap: 0, external: 0, resources: { Timeout: 1 }, listeners: 0 };
  return { handovers, terms: 0, givenUp: 0, seen: 0, vitals: { ...defaults, ...vitals } };
}

describe('the verdict on memory', () => {
  it.each([0, -500, 30])('lets %i bytes per handover pass', (bytes) => {
    expect(() => checkFlat(laps(bytes), 'heap')).not.toThrow();
  });

  it('finds a leak of 100 bytes per handover', () => {
    expect(() => checkFlat(laps(100), 'heap')).toThrow(/the heap memory grows by between \d+ and/);
    expect(() => checkFlat(laps(100), 'external')).not.toThrow();
  });

  it('does not call flat what is too uneven to tell', () => {
    expect(() => checkFlat(laps(0, 2e6), 'heap')).toThrow('cannot be told');
  });
});

describe('the verdict on the rest', () => {
  it('compares what is held with what was after the warm-up', () => {
    const more = lap({ resources: { Timeout: 1, TCPSocketWrap: 1 } });
    expect(() => checkResources([lap({}), lap({ resources: {} })], lap({}))).not.toThrow();
    expect(() => checkResources([lap({}), more], lap({}))).toThrow(
      'after 50 handovers there is 1 Timeout, 1 TCPSocketWrap, and there was 1 Timeout',
    );
  });

  it('wants no listener between calls', () => {
    expect(() => checkListeners([lap({})])).not.toThrow();
    expect(() => checkListeners([lap({}), lap({ listeners: 2 })])).toThrow('2 listeners');
  });

  it('wants nothing at the end', () => {
    const end = { resources: {}, listeners: 0, warnings: [], rejections: [] };
    expect(() => checkEnd(end)).not.toThrow();
    expect(() => checkEnd({ ...end, resources: { Timeout: 1 } })).toThrow('still 1 Timeout');
    expect(() => checkEnd({ ...end, listeners: 1 })).toThrow('1 listeners');
  });

  it('tells what there should be none of', () => {
    expect(() => checkNone('warnings', [])).not.toThrow();
    expect(() => checkNone('warnings', ['MaxListenersExceeded'])).toThrow('MaxListenersExceeded');
  });
});
