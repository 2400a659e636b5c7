import t from 'tap';
import { installClock } from './virtual-clock.ts';
import { World } from './world.ts';

/** Runs a world in which `act` begins as its own owner, for so long. */
async function during(
  ms: number,
  act: (world: World, say: (what: string) => void) => void,
): Promise<string[]> {
  const world = new World();
  const said: string[] = [];
  const restore = installClock(world);
  try {
    world.after(world.fate, 0, () => act(world, (what) => said.push(`${world.now} ${what}`)));
    world.after(world.fate, ms, () => undefined);
    await world.run(() => world.now >= ms, ms + 1, 'the time');
  } finally {
    restore();
  }
  return said;
}

t.test('world - timers run in order of their times, and what awaits them runs before the next', async (t) => {
  const said = await during(100, (_, say) => {
    setTimeout(() => say('later'), 20);
    setTimeout(() => say('sooner'), 10);
    const wait = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      say('one');
      await Promise.resolve();
      await Promise.resolve();
      say('two');
    };
    void wait();
    setTimeout(() => say('after both'), 10);
    const every = setInterval(() => say('every'), 40);
    setTimeout(() => clearInterval(every), 90);
  });
  t.strictSame(said, ['10 sooner', '10 one', '10 two', '10 after both', '20 later', '40 every', '80 every']);
});

t.test('world - a dead owner does nothing more, a hung one does it when it wakes', async (t) => {
  const said = await during(100, (world, say) => {
    const dead = world.owner('dead', () => undefined);
    const hung = world.owner('hung', () => undefined);
    for (const owner of [dead, hung]) {
      world.after(owner, 0, () => {
        setTimeout(() => say(owner.name), 10);
        setTimeout(() => say(`${owner.name} again`), 20);
      });
    }
    world.after(world.fate, 5, () => {
      world.kill(dead);
      world.hang(hung);
    });
    world.after(world.fate, 50, () => world.wake(hung));
  });
  t.strictSame(said, ['50 hung', '50 hung again']);
});

t.test('world - what is thrown belongs to the owner at work', async (t) => {
  const strays: unknown[] = [];
  await during(10, (world) => {
    const owner = world.owner('actor', (error) => strays.push(error));
    world.after(owner, 1, () => {
      setTimeout(() => {
        throw new Error('in a timer');
      }, 1);
    });
  });
  t.match(strays, [{ message: 'in a timer' }]);
});

t.test('world - what does not happen in time is said by name', async (t) => {
  const world = new World();
  await t.rejects(
    world.run(() => false, 10, 'a miracle'),
    { message: /nothing more happens.*a miracle/ },
  );
  const tick = (): void => void world.after(world.fate, 1, tick);
  tick();
  await t.rejects(
    world.run(() => false, 10, 'a miracle'),
    { message: /not within 10 simulated ms: a miracle/ },
  );
});
