/**
 * Puts a world's time in place of the platform's timers and clocks, for one run at a time. What product code
 * schedules belongs to the owner at work, so a killed thread's timers die with it.
 */
import { type World, type WorldEvent, worldBeganMs } from './world.ts';

/** Node's timers can be asked to keep nothing alive; here there is nothing to keep. */
interface Timer {
  event: WorldEvent;
  unref(): Timer;
  ref(): Timer;
  hasRef(): boolean;
}

type Act = (...args: unknown[]) => void;

/** Returns what puts the platform's own back. */
export function installClock(world: World): () => void {
  const real = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate };
  const realNow = Date.now;
  const once = (act: Act, delayMs = 0, ...args: unknown[]) =>
    timerOf(world.after(world.current, Math.max(1, delayMs), () => act(...args)));
  const cancel = (timer: Timer | undefined) => {
    if (timer?.event !== undefined) timer.event.cancelled = true;
  };
  const repeatedly = (act: Act, delayMs = 0, ...args: unknown[]) => {
    const owner = world.current;
    const tick = () => {
      timer.event = world.after(owner, Math.max(1, delayMs), tick);
      act(...args);
    };
    const timer = timerOf(world.after(owner, Math.max(1, delayMs), tick));
    return timer;
  };
  Object.assign(globalThis, {
    setTimeout: once,
    clearTimeout: cancel,
    setInterval: repeatedly,
    clearInterval: cancel,
    setImmediate: (act: Act, ...args: unknown[]) =>
      timerOf(world.after(world.current, 0, () => act(...args))),
    clearImmediate: cancel,
  });
  Date.now = () => worldBeganMs + Math.floor(world.now);
  Object.defineProperty(performance, 'now', { value: () => world.now, configurable: true });
  Object.defineProperty(performance, 'timeOrigin', { value: worldBeganMs, configurable: true });
  return () => {
    Object.assign(globalThis, real);
    Date.now = realNow;
    Reflect.deleteProperty(performance, 'now');
    Reflect.deleteProperty(performance, 'timeOrigin');
  };
}

function timerOf(event: WorldEvent): Timer {
  const timer: Timer = { event, unref: () => timer, ref: () => timer, hasRef: () => true };
  return timer;
}
