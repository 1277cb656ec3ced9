import { Metadata, type ServiceError, type status, type StatusObject } from '@grpc/grpc-js';
import { MicError, type ErrorCode } from '@mic/domain';
import { decodeErrorDetails, encodeErrorDetails, STATUS_DETAILS_KEY } from './error-details';
import { codeOfStatus, STATUS_OF_CODE } from './status-table';

export const REMEDY_KEY = 'mic-remedy';

/** Headers hold the whole status, and peers refuse headers above 8 KiB: no text in it may be longer than this. */
const LONGEST_TEXT = 1_000;

/** Cut to a length that headers hold, without half of a surrogate pair (grpc-js throws on one). */
function headerText(text: string): string {
  const cut = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}...` : text;
  return Buffer.from(cut, 'utf8').toString('utf8');
}

/** Everything but printable ASCII, and the percent sign itself, as %XX of the UTF-8 bytes. */
export function percentEncode(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+/gu, (run) =>
    [...Buffer.from(run, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** The status of an error that the caller is told of: message, remedy and details. */
export function statusOfError(error: MicError): StatusObject {
  const message = headerText(error.message);
  const remedy = error.remedy === undefined ? undefined : headerText(error.remedy);
  const subject = error.subject === undefined ? undefined : headerText(error.subject);
  const code = STATUS_OF_CODE[error.code];
  const metadata = new Metadata();
  metadata.set(STATUS_DETAILS_KEY, encodeErrorDetails({ status: code, message, reason: error.code, remedy, subject }));
  if (remedy !== undefined) metadata.set(REMEDY_KEY, percentEncode(remedy));
  return { code, details: remedy === undefined ? message : `${message}; ${remedy}`, metadata };
}

const CLIENT_REMEDIES: Partial<Record<ErrorCode, string>> = {
  DEADLINE_EXCEEDED: 'allow more time, or ask for less',
  UNAVAILABLE: 'check that the service runs at this address and is ready, then repeat',
};

/** The error that a failed call stands for, with the remedy and subject that the service sent. */
export function errorOfStatus(error: ServiceError): MicError {
  // A ServiceError made by grpc-js has metadata; one that an interceptor makes may not.
  const metadata = error.metadata as Metadata | undefined;
  const binary = metadata?.get(STATUS_DETAILS_KEY)[0];
  const details = binary instanceof Buffer ? decodeErrorDetails(binary) : undefined;
  const code = codeOfStatus(error.code as status);
  const header = metadata?.get(REMEDY_KEY)[0];
  const remedy = details?.remedy ?? (typeof header === 'string' ? percentDecode(header) : undefined);
  const suffix = remedy === undefined ? '' : `; ${remedy}`;
  const message =
    suffix !== '' && error.details.endsWith(suffix) ? error.details.slice(0, -suffix.length) : error.details;
  return new MicError(code, message, {
    remedy: remedy ?? CLIENT_REMEDIES[code],
    subject: details?.subject,
    cause: error,
  });
}

/** True when the error of a call is the word of a service of this system, and not of the client or of something between. */
export function isFromService({ cause }: MicError): boolean {
  const metadata = (cause as Partial<ServiceError> | undefined)?.metadata;
  return metadata !== undefined && metadata.get(STATUS_DETAILS_KEY).length > 0;
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
