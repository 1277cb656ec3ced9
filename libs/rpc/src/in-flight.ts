/**
 * What is in flight, by key: what HTTP/2 and grpc-js use of a Map, without its table. A Map that is added to and deleted from
 * all the time makes a new table every few calls, and V8 links the old one to the new: one old table in the old generation
 * keeps all later ones, with what was in flight at each change, until the next full collection. Looks keys up one by one:
 * for hundreds at a time, not for many thousands.
 */
export class InFlightMap<K, V> {
  readonly #keys: K[] = [];
  readonly #values: V[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: K): V | undefined {
    return this.#values[this.#keys.indexOf(key)];
  }

  set(key: K, value: V): this {
    const place = this.#keys.indexOf(key);
    if (place >= 0) this.#values[place] = value;
    else {
      this.#keys.push(key);
      this.#values.push(value);
    }
    return this;
  }

  delete(key: K): boolean {
    const place = this.#keys.indexOf(key);
    if (place < 0) return false;
    const [lastKey, lastValue] = [this.#keys.pop()!, this.#values.pop()!];
    if (place < this.#keys.length) {
      this.#keys[place] = lastKey;
      this.#values[place] = lastValue;
    }
    return true;
  }

  /** Tells all that are in flight now, also those that go meanwhile. */
  forEach(tell: (value: V, key: K) => void): void {
    const keys = [...this.#keys];
    const values = [...this.#values];
    keys.forEach((key, place) => {
      tell(values[place]!, key);
    });
  }
}

/** The same of a Set. */
export class InFlightSet<T> {
  readonly #all = new InFlightMap<T, T>();

  get size(): number {
    return this.#all.size;
  }

  add(value: T): this {
    this.#all.set(value, value);
    return this;
  }

  delete(value: T): boolean {
    return this.#all.delete(value);
  }

  *[Symbol.iterator](): Iterator<T> {
    const all: T[] = [];
    this.#all.forEach((value) => all.push(value));
    yield* all;
  }
}
