/** The simplest forecast that learns: the share of late flights so far, the same for every flight. */
export class BaseRate {
  #events = 0;
  #late = 0;
  #scored = 0;
  #loss = 0;
  readonly #scoreFrom: number;

  /** `scoreFrom` events are learned before the first is scored. */
  constructor(scoreFrom: number) {
    this.#scoreFrom = scoreFrom;
  }

  /** Predicts, then learns: the order that the model has too. */
  add(late: boolean): void {
    if (this.#events >= this.#scoreFrom) {
      // Laplace's rule of succession keeps the first forecasts off 0 and 1.
      const rate = (this.#late + 1) / (this.#events + 2);
      this.#loss -= Math.log(late ? rate : 1 - rate);
      this.#scored += 1;
    }
    this.#events += 1;
    this.#late += late ? 1 : 0;
  }

  /** Log loss over the scored events; null when there are none. */
  get logLoss(): number | null {
    return this.#scored === 0 ? null : this.#loss / this.#scored;
  }
}
