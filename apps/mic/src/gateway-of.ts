import { DEFAULT_ADDRESS } from './address';
import { readUp } from './fleet/up-file';
import { homeAt } from './home';

/** The gateway that `mic up` started in a home, or the address that `mic serve` listens on by default. */
export async function gatewayOf(home: string): Promise<string> {
  const running = await readUp(homeAt(home)).catch(() => null);
  return running?.up.services['recall-gateway']?.address ?? DEFAULT_ADDRESS;
}
