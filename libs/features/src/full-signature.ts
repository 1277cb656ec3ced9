import type { TensorInterface, SignatureWidths, TowerSignature } from './tower-signature';

/** The signature of towers that have every input, as `mic train` exports them. */
export function fullSignature(widths: SignatureWidths & { readonly encoder?: string }): TowerSignature {
  const { encoder = 'external', ...rest } = widths;
  const values = (...axes: number[]): TensorInterface => ({ dtype: 'float32', shape: ['batch', ...axes] });
  const codes = (width: number): TensorInterface => ({ dtype: 'int64', shape: ['batch', width] });
  return {
    formatVersion: 2,
    encoder,
    userTower: {
      inputs: {
        user_row: values(widths.idDimension),
        profile: codes(widths.profileWidth),
        history: codes(widths.longestHistory),
      },
      outputs: { user_vectors: values(widths.vectorsPerUser, widths.dimension) },
    },
    itemTower: {
      inputs: {
        item_row: values(widths.itemIdDimension),
        fields: codes(widths.itemFieldsWidth),
        users_pooled: values(widths.idDimension),
      },
      outputs: { item_vectors: values(widths.dimension) },
    },
    normalise: false,
    ...rest,
  };
}
