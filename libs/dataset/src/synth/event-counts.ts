import type { Random } from '@mic/domain';

/** Events that every user has where there are enough. */
const FEWEST = 5;

/**
 * Splits `events` over users: at least 5 each (or as many as there are), at most `most`, the rest by a log-normal
 * activity. The counts sum to `events`, which must be between `users` and users x most.
 */
export function eventCounts(users: number, events: number, most: number, random: Random): Uint32Array {
  const fewest = Math.min(FEWEST, most, Math.floor(events / users));
  const counts = new Uint32Array(users).fill(fewest);
  const activity = Float64Array.from({ length: users }, () => Math.exp(1.1 * random.normal()));
  let left = events - users * fewest;
  while (left > 0) {
    let open = 0;
    for (let user = 0; user < users; user++) if (counts[user]! < most) open += activity[user]!;
    const share = left / open;
    let given = 0;
    for (let user = 0; user < users; user++) {
      const more = Math.min(most - counts[user]!, Math.floor(activity[user]! * share));
      counts[user]! += more;
      given += more;
    }
    left -= given;
    // Fractions are left: one more each, from the first user on.
    for (let user = 0; user < users && given === 0 && left > 0; user++) {
      if (counts[user]! >= most) continue;
      counts[user]!++;
      left--;
    }
  }
  return counts;
}
