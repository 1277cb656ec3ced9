/** Where `mic serve` listens and `mic recall` calls unless told otherwise: this machine only. */
export const DEFAULT_ADDRESS = '127.0.0.1:7070';
