/** What must be ended, in the reverse order of its start, however the demo ends. */
type Ending = () => Promise<unknown>;

export class Endings {
  readonly #endings: Ending[] = [];
  #all: Promise<unknown[]> | undefined;

  /** What is started while the end is under way is ended at once. */
  add(ending: Ending): void {
    if (this.#all === undefined) this.#endings.push(ending);
    else void ending().catch(() => {});
  }

  /** Ends everything, once; one that fails does not keep the others. The failures are returned. */
  endAll(): Promise<unknown[]> {
    this.#all ??= this.#run();
    return this.#all;
  }

  async #run(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (let ending = this.#endings.pop(); ending !== undefined; ending = this.#endings.pop()) {
      await ending().catch((error: unknown) => failures.push(error));
    }
    return failures;
  }
}
