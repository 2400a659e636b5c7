/** Vowpal Wabbit's own regression suite, as the data has it (vw/cases.json). */
import { readFile } from 'node:fs/promises';

export interface VwCase {
  readonly id: string;
  readonly vw_test_id: number;
  readonly command_line: string;
  readonly data_file: string;
  readonly expected_average_loss: number;
  readonly reproducibility: string;
  readonly priority: 'core' | 'extra';
}

export async function readCases(data: string): Promise<readonly VwCase[]> {
  const text = await readFile(`${data}/vw/cases.json`, 'utf8');
  const { cases } = JSON.parse(text) as { readonly cases: readonly VwCase[] };
  return cases.filter(({ priority }) => priority === 'core');
}
