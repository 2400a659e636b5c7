/**
 * What is known of a flight as it departs, as the features of an event. All are categories, so everything is
 * a string; the label and the delay are not looked at.
 *
 * The crosses do the work, and the server makes them (`features.interactions` of the config). Those with the
 * day start at nothing every midnight and are worth only what was learned since: fog in one place, a full
 * airport in another. Those with the quarter of an hour know when a route is used to leave: a flight that
 * leaves between its usual times has most likely waited.
 */
import type { Features, LearnEvent } from '../src/protocol/messages.ts';
import type { Flight } from './flights.ts';

export const interactions: readonly (readonly string[])[] = [
  ['origin', 'destination'],
  ['origin', 'day'],
  ['destination', 'day'],
  ['origin', 'day', 'hour'],
  ['origin', 'quarterHour'],
  ['origin', 'destination', 'hour'],
  ['origin', 'destination', 'halfHour'],
  ['origin', 'destination', 'quarterHour'],
];

const minuteMs = 60_000;
const dayMinutes = 24 * 60;

export function featuresOf(flight: Flight): Features {
  const minutes = Math.floor(flight.time / minuteMs);
  const day = Math.floor(minutes / dayMinutes);
  const minute = minutes - day * dayMinutes;
  return {
    origin: flight.origin,
    destination: flight.destination,
    day: String(day),
    weekday: weekdays[(day + epochWeekday) % 7]!,
    hour: String(Math.floor(minute / 60)),
    halfHour: String(Math.floor(minute / 30)),
    quarterHour: String(Math.floor(minute / 15)),
    distance: distanceBand(flight.miles),
  };
}

export const eventOf = (flight: Flight): LearnEvent => ({
  features: featuresOf(flight),
  label: flight.late ? 1 : 0,
  time: flight.time,
});

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
/** 1 January 1970 was a Thursday. */
const epochWeekday = 4;

/** Two bands for every doubling of the distance. */
const distanceBand = (miles: number): string => String(Math.floor(2 * Math.log2(miles + 1)));
