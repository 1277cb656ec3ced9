/**
 * Runs the work for each input, at most `limit` of them begun and not yet taken, and gives the outputs in the order of the
 * inputs, each as soon as it is there and those before it were taken. One input is read ahead. When reading fails, what was
 * begun is given first, and then the error thrown.
 *
 * @param work must not reject.
 * @param limit 1 or more.
 */
export async function* inOrder<Input, Output>(
  inputs: AsyncIterable<Input>,
  limit: number,
  work: (input: Input, index: number) => Promise<Output>,
): AsyncGenerator<Output, void, undefined> {
  const iterator = inputs[Symbol.asyncIterator]();
  const begun: Promise<Output>[] = [];
  let count = 0;
  let failure: { readonly error: unknown } | undefined;
  /** Resolves to an input, or to null when there is none any more. */
  const read = (): Promise<{ readonly input: Input } | null> =>
    iterator.next().then(
      ({ done, value }) => (done === true ? null : { input: value }),
      (error: unknown) => {
        failure = { error };
        return null;
      },
    );
  let reading: ReturnType<typeof read> | undefined = read();
  while (reading !== undefined || begun.length > 0) {
    const head = begun[0];
    const mayBegin = reading !== undefined && begun.length < limit;
    const first = await Promise.race([
      ...(mayBegin ? [reading!.then((given) => ({ given }))] : []),
      ...(head === undefined ? [] : [head.then((output) => ({ output }))]),
    ]);
    if ('given' in first) {
      reading = undefined;
      if (first.given === null) continue;
      begun.push(work(first.given.input, count++));
      reading = read();
    } else {
      void begun.shift();
      yield first.output;
    }
  }
  if (failure !== undefined) throw failure.error;
}
