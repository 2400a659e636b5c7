/** Works on several items at a time and hands out the results in the order of the items. */
export async function* inOrder<In, Out>(
  items: AsyncIterable<In>,
  concurrency: number,
  work: (item: In) => Promise<Out>,
): AsyncGenerator<Out> {
  const underWay: Promise<Out>[] = [];
  const iterator = items[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<In>> | undefined = iterator.next();
  try {
    while (next !== undefined || underWay.length > 0) {
      // The oldest result is given as soon as it is there, even while the source is silent.
      const first = underWay[0];
      const source = underWay.length < concurrency ? next : undefined;
      const arrived: IteratorResult<In> | undefined = await firstOf(source, first);
      if (arrived === undefined) {
        underWay.shift();
        yield await first!;
      } else if (arrived.done === true) {
        next = undefined;
      } else {
        const result = work(arrived.value);
        // Its failure is thrown in its turn; until then it is not unhandled.
        result.catch(() => {});
        underWay.push(result);
        next = iterator.next();
      }
    }
  } finally {
    // Not awaited: a source that is silent would hold up the failure that ends this.
    iterator.return?.().catch(() => {});
  }
}

/** The source's next item, or undefined when the oldest result came first. */
function firstOf<In>(
  source: Promise<IteratorResult<In>> | undefined,
  result: Promise<unknown> | undefined,
): Promise<IteratorResult<In> | undefined> {
  const settled = result?.then(
    () => undefined,
    () => undefined,
  );
  return Promise.race([settled, source].filter((promise) => promise !== undefined));
}
