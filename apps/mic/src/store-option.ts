import { Option } from 'commander';

/** The --store flag of every command that touches the store. */
export const STORE_OPTION = (): Option =>
  new Option(
    '--store <address>',
    'the store: redis://host:port, redis+sentinel://..., redis+cluster://..., or a folder; without it HOME/store',
  );
