import type { MethodDefinition } from '@grpc/grpc-js';
import { MicError } from '@mic/domain';
import { MAX_MESSAGE_BYTES } from './message-limit';

/** Stands for request bytes that do not parse, because grpc-js answers INTERNAL when a deserializer throws. */
export class MalformedRequest {
  constructor(readonly reason: string) {}
}

/** The method as the server sees it: parsing never throws, and the handler hands over bytes. */
export function serverMethod(method: MethodDefinition<unknown, unknown>): MethodDefinition<unknown, Buffer> {
  return {
    ...method,
    requestDeserialize: (bytes) => {
      try {
        return method.requestDeserialize(bytes);
      } catch (error) {
        return new MalformedRequest(error instanceof Error ? error.message : String(error));
      }
    },
    responseSerialize: (bytes) => bytes,
    responseDeserialize: (bytes) => bytes,
  };
}

/** @throws MicError INVALID_ARGUMENT for bytes that did not parse. @param what the message, e.g. `the request`. */
export function checkParsed(request: unknown, what: string, method: MethodDefinition<unknown, unknown>): unknown {
  if (!(request instanceof MalformedRequest)) return request;
  throw new MicError('INVALID_ARGUMENT', `${what} is not a valid protobuf message: ${request.reason}`, {
    remedy: `send the request message that the proto declares for ${method.path}`,
  });
}

/** @throws MicError RESOURCE_EXHAUSTED when the response is larger than a message may be. */
export function encodeResponse(method: MethodDefinition<unknown, unknown>, response: unknown): Buffer {
  const bytes = method.responseSerialize(response);
  if (bytes.length > MAX_MESSAGE_BYTES) {
    throw new MicError(
      'RESOURCE_EXHAUSTED',
      `the answer has ${bytes.length} bytes, more than the ${MAX_MESSAGE_BYTES} that a message may have`,
      { remedy: 'ask for less in one call' },
    );
  }
  return bytes;
}
