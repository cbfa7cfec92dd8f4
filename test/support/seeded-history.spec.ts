import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { describe, expect, test } from 'vitest';
import { EVENT_CLASSES } from '#contracts/events/event-classes.js';
import { type EventType, eventTypeOf } from '#contracts/events/registry.js';
import { seededHistory } from './seeded-history.js';
import type { StreamedEvent } from './seeded-journal.js';

describe('a made-up history', () => {
  const history = [...seededHistory({ seed: 3, events: 4_000 })];

  test('the same seed › the same history; another one › another', () => {
    expect([...seededHistory({ seed: 3, events: 4_000 })]).toEqual(history);
    expect([...seededHistory({ seed: 4, events: 4_000 })]).not.toEqual(history);
  });

  test('is as long as it should be, with events of all types, each as its class says', () => {
    expect(history).toHaveLength(4_000);
    expect(new Set(history.map(typeOf))).toEqual(new Set(Object.keys(EVENT_CLASSES)));
    expect(history.flatMap(problemsOf)).toEqual([]);
  });

  test('ids and sequences are used once', () => {
    expect(new Set(history.map(({ raw }) => raw.id)).size).toBe(history.length);
    expect(new Set(history.map(({ stream, raw }) => `${stream} ${raw.sequence}`)).size).toBe(history.length);
  });
});

function typeOf({ raw }: StreamedEvent): EventType {
  const type = eventTypeOf(raw.cloudEventType);
  if (!type) throw new Error(`${raw.cloudEventType} is no event`);
  return type;
}

function problemsOf(event: StreamedEvent): unknown[] {
  const data = plainToInstance(EVENT_CLASSES[typeOf(event)] as new () => object, event.raw.data);
  return validateSync(data, { whitelist: true, forbidNonWhitelisted: true });
}
