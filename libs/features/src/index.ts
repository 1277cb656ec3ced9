export { compileFields, encodeRow, encodeRows, encodeRowStrict, type RawRow } from './encode-row';
export { FieldEncoder } from './field-encoder';
export { layoutOf, tableSizeOf, widthOf, type FieldLayout, type FieldPlace } from './layout';
export { featureSchemaSchema, fieldSpecSchema, type FeatureSchema, type FieldSpec, type RawValue } from './schema';
export { towerSignatureSchema, type TowerSignature } from './tower-signature';
