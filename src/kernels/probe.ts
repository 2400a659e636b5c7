/** Tries each kernel mode on a small step and says what really ran: for `doctor`. */
import { linearKernels } from './linear-kernels.ts';
import type { KernelReport } from './size-classes.ts';

export function probeKernels(): KernelReport[] {
  const optimizer = { name: 'sgd', learningRate: 0.1 } as const;
  return (['cpu', 'webasm'] as const).map((mode) =>
    linearKernels(optimizer, { mode, intercept: true }).report(),
  );
}
