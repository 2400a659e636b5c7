import t from 'tap';
import { validateModel } from '../../config/load.ts';
import { SequentialModel } from '../../src/backtest/sequential-model.ts';
import { createShardBuffers } from '../../src/shard/memory.ts';
import { layoutOf, shapeOf } from '../shard/fixture.ts';

t.test('parameters - that no machine has the memory for are refused with their size', async (t) => {
  const features = { bits: 26 };
  const wide = validateModel('m', { family: { name: 'network', hidden: [512] }, features });
  t.throws(() => new SequentialModel(wide), {
    kind: 'tooLarge',
    message: /^67108867 rows of 1024 numbers, 256\.0 GiB, cannot be allocated here: lower features\.bits/,
  });
  const [width, keyCount] = [2 ** 20, 2 ** 30];
  const shape = { ...shapeOf({ width, keyCount }), layout: layoutOf(width, keyCount) };
  t.throws(() => createShardBuffers(shape), { kind: 'tooLarge', message: /cannot be allocated/ });
});
