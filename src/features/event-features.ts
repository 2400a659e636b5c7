/** The features of one event that take part in combinations, in order, each once; operands are lists of their places. */
export class EventFeatures {
  /** Finalised hashes, not reduced to keys. */
  readonly hashes: number[] = [];
  readonly values: number[] = [];
  /** Which of the event's namespaces it is in: a namespace or a list, by its place; 0 for those outside of any. */
  readonly groups: number[] = [];
  /** Only while features are named. */
  readonly names: string[] = [];

  clear(): void {
    this.hashes.length = 0;
    this.values.length = 0;
    this.groups.length = 0;
    this.names.length = 0;
  }

  /** The place of the new one. */
  add(hash: number, value: number, group: number, name: string | undefined): number {
    this.hashes.push(hash);
    this.values.push(value);
    this.groups.push(group);
    if (name !== undefined) this.names.push(name);
    return this.hashes.length - 1;
  }
}
