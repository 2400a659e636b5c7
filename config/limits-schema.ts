/** Bounds of what a model takes in, keeps waiting and stores; past each there is an answer (docs/runtime-semantics.md). */
import { z } from 'zod';
import { integer } from './setting-kinds.ts';

const mib = 2 ** 20;
const gib = 2 ** 30;

export const limitsSchema = z.strictObject({
  featuresMax: integer(1, 8192, 2048, 'Hashed features of one event after interactions'),
  depthMax: integer(1, 32, 8, 'Levels of one event: its features, and namespaces in them'),
  eventsPerMessageMax: integer(1, 65_536, 8192, 'Events in one learn or label message'),
  featuresPerMessageMax: integer(
    1024,
    2 ** 22,
    2 ** 20,
    'Hashed features of all events of one message together',
  ),
  instancesMax: integer(1, 65_536, 4096, 'Instances in one predict request'),
  candidatesMax: integer(1, 65_536, 1000, 'Candidates in one rank request'),
  contributionsMax: integer(
    1,
    8192,
    32,
    'Contributions in one explanation, largest first; the rest is told as a sum',
  ),
  predictQueueMax: integer(
    1,
    1_000_000,
    1024,
    'Predict requests that may wait for their turn at one predictor; above it, 429',
  ),
  predictQueueBytesMax: integer(
    65_536,
    1_073_741_824,
    16_777_216,
    'Bytes of the predict requests that may wait at one predictor; above it, 429',
  ),
  predictQueueMs: integer(
    1,
    60_000,
    500,
    'Longest that a predict request may have waited when its turn comes; then 429',
  ),
  waitMs: integer(0, 60_000, 500, 'Longest wait for minSeq or maxAgeMs; then 504'),
  waitersMax: integer(0, 1_000_000, 1024, 'Requests that may wait for minSeq or maxAgeMs; above it, 429'),
  exclusionsMax: integer(
    0,
    2048,
    1024,
    'Events and rules of events that learners pass over; above it, another is refused',
  ),
  streamBytesMax: integer(
    mib,
    2 ** 50,
    8 * gib,
    'Bytes of the event stream; when full, publishers are refused',
  ),
});
