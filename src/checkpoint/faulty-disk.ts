/** A disk that fails when it is told to (docs/chaos.md): every write of bytes is a place for a fault. */
import type { FaultPoints } from '../base/fault-points.ts';
import type { Disk } from './disk.ts';

export const faultyDisk = (disk: Disk, faults: FaultPoints): Disk => ({
  ...disk,
  async create(path, mode) {
    const file = await disk.create(path, mode);
    return {
      ...file,
      async write(bytes) {
        faults.reach('checkpointer.diskWrite');
        await file.write(bytes);
      },
    };
  },
});
