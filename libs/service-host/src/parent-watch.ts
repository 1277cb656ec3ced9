const CHECK_EVERY_MS = 250;

/**
 * Calls `onGone` once when the parent process ends, however it ends: its children then belong to another process.
 * @returns a function that stops watching.
 */
export function watchParent(parentPid: number, onGone: () => void): () => void {
  const timer = setInterval(() => {
    if (process.ppid === parentPid) return;
    clearInterval(timer);
    onGone();
  }, CHECK_EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
