import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { Server } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { fileDescriptorSet } from '@mic/contracts';

/** Lets clients list and call the given services without having the protos (grpc.reflection.v1 and v1alpha). */
export function addReflection(server: Server, serviceNames: readonly string[]): void {
  // ReflectionService reads the descriptors of files, and nothing else. Those that proto-loader makes lack the imports, and
  // clients cannot put such files together.
  const fileDescriptorProtos = filesOf(fileDescriptorSet());
  const definitions = { files: { fileDescriptorProtos } } as unknown as PackageDefinition;
  new ReflectionService(definitions, { services: [...serviceNames] }).addToServer(server);
}

/** The encoded FileDescriptorProtos of an encoded FileDescriptorSet: its field 1. */
function filesOf(set: Uint8Array): Buffer[] {
  const reader = new BinaryReader(set);
  const files: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) files.push(Buffer.from(reader.bytes()));
    else reader.skip(wireType);
  }
  return files;
}
