import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { FILE_DESCRIPTOR_SET_BASE64 } from './gen/descriptors';

/** `repeated FileDescriptorProto file = 1` of google.protobuf.FileDescriptorSet. */
const FILE_FIELD = 1;

/** The google.protobuf.FileDescriptorProto of every proto, as bytes: what server reflection serves. */
export function fileDescriptors(): Uint8Array[] {
  const reader = new BinaryReader(Buffer.from(FILE_DESCRIPTOR_SET_BASE64, 'base64'));
  const files: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === FILE_FIELD && type === WireType.LengthDelimited) files.push(reader.bytes());
    else reader.skip(type, field);
  }
  return files;
}
