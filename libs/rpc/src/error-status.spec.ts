import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { MicError, type ErrorCode } from '@mic/domain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeErrorDetails, encodeErrorDetails } from './error-details';
import { errorOfStatus, percentEncode, REMEDY_KEY, statusOfError } from './error-status';
import { codeOfStatus, STATUS_OF_CODE } from './status-table';

const arrived = (error: MicError): MicError =>
  errorOfStatus(Object.assign(new Error('call failed'), statusOfError(error)) as ServiceError);

describe('status table', () => {
  it('gives every code the gRPC number of the same name, and back', () => {
    for (const [code, number] of Object.entries(STATUS_OF_CODE)) {
      expect(status[number]).toBe(code);
      expect(codeOfStatus(number)).toBe(code);
    }
  });

  it('reads a status that is never sent as INTERNAL', () => {
    expect(codeOfStatus(status.UNKNOWN)).toBe('INTERNAL');
  });
});

describe('error details', () => {
  it('are the bytes that google.rpc defines', () => {
    const bytes = encodeErrorDetails({ status: 3, message: 'm', reason: 'R', remedy: 'r', subject: 's' });
    const text = (hex: string): string => Buffer.from(hex, 'utf8').toString('hex');
    const infoUrl = text('type.googleapis.com/google.rpc.ErrorInfo'); // 40 bytes
    const badUrl = text('type.googleapis.com/google.rpc.BadRequest'); // 41 bytes
    const info = `0a0152${'1203'}${text('mic')}${'1a0b'}0a06${text('remedy')}120172${'1a0c'}0a07${text('subject')}120173`;
    const bad = '0a06' + '0a0173' + '12016d';
    const infoAny = `0a28${infoUrl}12${(info.length / 2).toString(16)}${info}`;
    const badAny = `0a29${badUrl}1208${bad}`;
    const sized = (hex: string): string => (hex.length / 2).toString(16).padStart(2, '0') + hex;
    expect(bytes.toString('hex')).toBe(`080312016d1a${sized(infoAny)}1a${sized(badAny)}`);
  });

  it('of another sender, or broken, are undefined', () => {
    expect(decodeErrorDetails(Buffer.from('0aff01', 'hex'))).toBeUndefined();
    expect(decodeErrorDetails(Buffer.alloc(0))).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodeErrorDetails(bytes)).toBeUndefined();
      }),
    );
  });
});

describe('an error over the wire', () => {
  it('keeps code, message, remedy and subject, whatever the text', () => {
    const words = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(STATUS_OF_CODE) as ErrorCode[])),
        words,
        fc.option(words, { nil: undefined }),
        (code, message, remedy) => {
          const back = arrived(new MicError(code, message, { remedy: remedy ?? 'repeat', subject: remedy }));
          expect(back).toMatchObject({ code, message, remedy: remedy ?? 'repeat', subject: remedy });
        },
      ),
    );
  });

  it('reads the remedy of a sender without details from its header', () => {
    const metadata = new Metadata();
    metadata.set(REMEDY_KEY, percentEncode('50 % weniger – bitte'));
    const error = Object.assign(new Error(), { code: status.NOT_FOUND, details: 'no; 50 % weniger – bitte', metadata });
    expect(errorOfStatus(error)).toMatchObject({ code: 'NOT_FOUND', message: 'no', remedy: '50 % weniger – bitte' });
  });

  it('survives half of a surrogate pair', () => {
    expect(arrived(new MicError('NOT_FOUND', 'a\ud800')).message).toBe('a\ufffd');
  });

  it('cuts a text that no header holds', () => {
    const { details } = statusOfError(new MicError('NOT_FOUND', 'ü'.repeat(5_000), { remedy: 'r' }));
    expect(details).toBe(`${'ü'.repeat(1_000)}...; r`);
  });
});
