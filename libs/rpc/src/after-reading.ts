/**
 * Like setTimeout, but what has arrived by then is read first. Node carries out timers before it reads sockets: after the event
 * loop was held up (a collection of garbage, no core), a plain timer gives up an answer that lies in its socket.
 *
 * Two turns: with one, more is lost (docs/experiments.md, 16).
 *
 * @returns cancels it.
 */
export function afterReading(ms: number, work: () => void): () => void {
  let isOver = false;
  const timer = setTimeout(() => {
    setImmediate(() =>
      setImmediate(() => {
        if (!isOver) work();
      }),
    );
  }, ms);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
