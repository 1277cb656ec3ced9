import type { Server } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { fileDescriptorSet } from '@mic/contracts';

/** Lets clients list and call the given services without having the protos (grpc.reflection.v1 and v1alpha). */
export function addReflection(server: Server, serviceNames: readonly string[]): void {
  const definitions = loadFileDescriptorSetFromBuffer(fileDescriptorSet());
  new ReflectionService(definitions, { services: [...serviceNames] }).addToServer(server);
}
