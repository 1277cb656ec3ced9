import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

/**
 * The standard error messages of google/rpc/status.proto and google/rpc/error_details.proto, as far as they are used.
 * Field numbers:
 *
 *     google.rpc.Status                    1 code (int32), 2 message (string), 3 details (repeated Any)
 *     google.protobuf.Any                  1 type_url (string), 2 value (bytes)
 *     google.rpc.ErrorInfo                 1 reason (string), 2 domain (string), 3 metadata (map<string, string>)
 *     map entry                            1 key, 2 value
 *     google.rpc.BadRequest                1 field_violations (repeated FieldViolation)
 *     google.rpc.BadRequest.FieldViolation 1 field (string), 2 description (string)
 */
export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';
export const ERROR_DOMAIN = 'mic';

const ERROR_INFO_URL = 'type.googleapis.com/google.rpc.ErrorInfo';
const BAD_REQUEST_URL = 'type.googleapis.com/google.rpc.BadRequest';

/** What the details of one error say. */
export interface ErrorDetails {
  /** gRPC status number. */
  readonly status: number;
  /** The status message. */
  readonly message: string;
  /** Name of the error code, e.g. INVALID_ARGUMENT. */
  readonly reason: string;
  readonly remedy: string | undefined;
  /** The field or file at fault. */
  readonly subject: string | undefined;
}

const LENGTH_DELIMITED = 2;
const fieldTag = (field: number): number => (field << 3) | LENGTH_DELIMITED;

function any(typeUrl: string, value: Uint8Array): Uint8Array {
  return new BinaryWriter().uint32(fieldTag(1)).string(typeUrl).uint32(fieldTag(2)).bytes(value).finish();
}

function pair(first: string, second: string): Uint8Array {
  return new BinaryWriter().uint32(fieldTag(1)).string(first).uint32(fieldTag(2)).string(second).finish();
}

/** A google.rpc.Status with an ErrorInfo and, where a subject is at fault, a BadRequest that names it. */
export function encodeErrorDetails(details: ErrorDetails): Buffer {
  const info = new BinaryWriter().uint32(fieldTag(1)).string(details.reason).uint32(fieldTag(2)).string(ERROR_DOMAIN);
  for (const key of ['remedy', 'subject'] as const) {
    const value = details[key];
    if (value !== undefined) info.uint32(fieldTag(3)).bytes(pair(key, value));
  }
  const status = new BinaryWriter()
    .uint32(1 << 3)
    .int32(details.status)
    .uint32(fieldTag(2))
    .string(details.message)
    .uint32(fieldTag(3))
    .bytes(any(ERROR_INFO_URL, info.finish()));
  if (details.subject !== undefined) {
    const badRequest = new BinaryWriter().uint32(fieldTag(1)).bytes(pair(details.subject, details.message)).finish();
    status.uint32(fieldTag(3)).bytes(any(BAD_REQUEST_URL, badRequest));
  }
  return Buffer.from(status.finish());
}

/** The length-delimited fields of a message, in order; other fields are skipped. */
function* delimitedFields(bytes: Uint8Array): Generator<{ field: number; value: Uint8Array }> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (Number(wireType) === LENGTH_DELIMITED) yield { field, value: reader.bytes() };
    else reader.skip(wireType);
  }
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function textPair(bytes: Uint8Array): [string, string] {
  const parts: [string, string] = ['', ''];
  for (const { field, value } of delimitedFields(bytes)) if (field === 1 || field === 2) parts[field - 1] = text(value);
  return parts;
}

/** Reason, remedy and subject of an encoded status; undefined where the bytes hold no ErrorInfo of this system. */
export function decodeErrorDetails(bytes: Uint8Array): Omit<ErrorDetails, 'status' | 'message'> | undefined {
  try {
    for (const detail of delimitedFields(bytes)) {
      if (detail.field !== 3) continue;
      let url = '';
      let body = new Uint8Array();
      for (const { field, value } of delimitedFields(detail.value)) {
        if (field === 1) url = text(value);
        if (field === 2) body = value.slice();
      }
      if (url !== ERROR_INFO_URL) continue;
      const info = { reason: '', domain: '', metadata: new Map<string, string>() };
      for (const { field, value } of delimitedFields(body)) {
        if (field === 1) info.reason = text(value);
        if (field === 2) info.domain = text(value);
        if (field === 3) info.metadata.set(...textPair(value));
      }
      if (info.domain !== ERROR_DOMAIN) continue;
      return { reason: info.reason, remedy: info.metadata.get('remedy'), subject: info.metadata.get('subject') };
    }
  } catch {
    // Bytes of another sender that do not parse: the status itself still says what is wrong.
  }
  return undefined;
}
