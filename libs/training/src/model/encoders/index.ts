import type { EncoderName } from '../../config/encoder-names';
import type { Encoder } from '../encoder';
import { gru4rec } from './gru4rec';
import { multiDecay } from './multi-decay';
import { multiInterest } from './multi-interest';
import { pooled } from './pooled';
import { sasrec } from './sasrec';

/** Every encoder by the name that `--encoder` takes. */
export const ENCODERS: Readonly<Record<EncoderName, Encoder>> = {
  pooled,
  'multi-decay': multiDecay,
  sasrec,
  gru4rec,
  'multi-interest': multiInterest,
};
