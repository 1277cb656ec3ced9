import { FILE_DESCRIPTOR_SET_BASE64 } from './gen/descriptors';

/** The google.protobuf.FileDescriptorSet of all protos, as bytes: what server reflection serves. */
export function fileDescriptorSet(): Buffer {
  return Buffer.from(FILE_DESCRIPTOR_SET_BASE64, 'base64');
}
