/** Names that `--encoder` takes. */
export const ENCODER_NAMES = ['pooled', 'multi-decay', 'sasrec', 'gru4rec', 'multi-interest'] as const;
export type EncoderName = (typeof ENCODER_NAMES)[number];
