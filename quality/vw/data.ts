/** The events of a case, as its text or JSON has them. */

import { openSource } from '../../src/formats/source.ts';
import { readVw } from '../../src/formats/vw.ts';
import type { Features } from '../../src/protocol/messages.ts';

export interface VwEvent {
  readonly features: Features;
  readonly label: number;
  readonly weight: number;
}

export interface VwData {
  readonly events: readonly VwEvent[];
  readonly labels: readonly number[];
  readonly namespaces: ReadonlySet<string>;
}

export async function readData(path: string): Promise<VwData> {
  const { chunks } = await openSource(path, process.stdin);
  const events = path.endsWith('.json') ? await ofJson(chunks) : await ofText(chunks);
  const labels = [...new Set(events.map(({ label }) => label))];
  const namespaces = new Set(
    events.flatMap(({ features }) =>
      Object.entries(features).flatMap(([name, value]) => (typeof value === 'object' ? [name] : [])),
    ),
  );
  return { events, labels, namespaces };
}

async function ofText(chunks: AsyncIterable<Uint8Array>): Promise<VwEvent[]> {
  const events: VwEvent[] = [];
  for await (const row of readVw(chunks)) {
    if (row.kind === 'problem') throw new Error(`line ${row.line}: ${row.problem}`);
    const { features, label, weight = 1 } = row.value as unknown as VwEvent;
    events.push({ features, label, weight });
  }
  return events;
}

/** Its own JSON: the label beside the namespaces. */
async function ofJson(chunks: AsyncIterable<Uint8Array>): Promise<VwEvent[]> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const lines = Buffer.concat(parts).toString('utf8').split('\n');
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const { _label: label, ...features } = JSON.parse(line) as Record<string, unknown>;
      return { features: features as Features, label: Number(label), weight: 1 };
    });
}
