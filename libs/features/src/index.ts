export { featureSchemaSchema, fieldSpecSchema, type FeatureSchema, type FieldSpec, type RawValue } from './schema';
export { towerSignatureSchema, type TowerSignature } from './tower-signature';
