/**
 * The number of an epoch: the sequence of its entry, and above it how often the log had lost acked entries. So
 * numbers grow although sequences start over (docs/adr/0004-an-epoch-is-a-sequence.md).
 *
 *   epoch = incarnation x 2^40 + sequence
 */
const sequencesMax = 2 ** 40;

export const epochNumber = (incarnation: number, seq: number): number => incarnation * sequencesMax + seq;
export const sequenceOfEpoch = (epoch: number): number => epoch % sequencesMax;
export const incarnationOfEpoch = (epoch: number): number => Math.floor(epoch / sequencesMax);
