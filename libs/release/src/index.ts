export { manifestSchema, type Manifest, type Quality, type ReleaseFile } from './manifest';
