export { categoryOf } from './category-of';
export { compileFields, encodeRow, encodeRows, encodeRowStrict, type RawRow } from './encode-row';
export { FieldEncoder } from './field-encoder';
export { fullSignature } from './full-signature';
export { layoutOf, tableSizeOf, widthOf, type FieldLayout, type FieldPlace } from './layout';
export { featureSchemaSchema, fieldSpecSchema, type FeatureSchema, type FieldSpec, type RawValue } from './schema';
export { deriveWidths, showInterface } from './signature-widths';
export {
  signatureFileSchema,
  towerSignatureSchema,
  type SignatureFile,
  type TensorInterface,
  type TowerSignature,
} from './tower-signature';
