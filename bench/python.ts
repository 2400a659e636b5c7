/** The Python in which peers are looked for (bench/peers/README.md). */
import { execFileSync } from 'node:child_process';

export const peersPython = process.env.MILLRACE_PEERS ?? 'python3';

export function isThere(python: string, module: string): boolean {
  try {
    execFileSync(python, ['-c', `import ${module}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
