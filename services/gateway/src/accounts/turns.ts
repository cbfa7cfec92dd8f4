/** Work with the same name is done one piece after the other, in the order in which it came. */
export class Turns {
  private readonly ends = new Map<string, Promise<unknown>>();

  /** Work whose signal is aborted before its turn is not begun: the promise rejects with the signal's reason. */
  take<T>(name: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const begin = () => {
      signal.throwIfAborted();
      return work();
    };
    // Whatever became of the piece before, its turn is over.
    const done = (this.ends.get(name) ?? Promise.resolve()).then(begin, begin);
    this.ends.set(name, done);
    const leave = () => {
      if (this.ends.get(name) === done) this.ends.delete(name);
    };
    done.then(leave, leave);
    return done;
  }
}
