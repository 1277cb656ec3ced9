import type { Server } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { fileDescriptors } from '@mic/contracts';

/** Lets clients list and call the given services without having the protos (grpc.reflection.v1 and v1alpha). */
export function addReflection(server: Server, serviceNames: readonly string[]): void {
  // The files as they were compiled: proto-loader, which would make them anew, breaks messages with a map.
  const files = { fileDescriptorProtos: fileDescriptors().map((bytes) => Buffer.from(bytes)) };
  const definitions = { files } as unknown as PackageDefinition;
  new ReflectionService(definitions, { services: [...serviceNames] }).addToServer(server);
}
