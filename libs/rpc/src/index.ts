export { Admission } from './admission';
export { clientBeside, createClient } from './client';
export { clientStream, type ClientStreamOptions } from './client-stream';
export { clientStreamHandler } from './client-stream-handler';
export { duplexHandler, type DuplexLimits } from './duplex-handler';
export { duplexStream } from './duplex-stream';
export { collectGarbage, collectGently, helpersWithCores } from './garbage';
export { decodeErrorDetails, encodeErrorDetails, STATUS_DETAILS_KEY, type ErrorDetails } from './error-details';
export { errorOfStatus, isFromService, REMEDY_KEY, statusOfError } from './error-status';
export { LIVENESS, RELEASE_HEALTH } from './health';
export { checkHealth, type HealthStatus } from './health-client';
export { createLogger, LOG_LEVELS, type Logger, type LogLevel } from './logger';
export { MAX_MESSAGE_BYTES } from './message-limit';
export { OneWayDelays } from './one-way-delay';
export { startServer, type RunningServer, type ServerOptions } from './server';
export {
  serviceHandlers,
  type CallContext,
  type ClientStreamHandler,
  type DuplexHandler,
  type HandlersOf,
  type ServiceHandlers,
} from './service-handlers';
export { stopOnSignals } from './signals';
export { codeOfStatus, STATUS_OF_CODE } from './status-table';
export { addressesOf, grpcTarget } from './targets';
export { REQUEST_ID_KEY, SENT_AT_KEY, TIMEOUT_KEY } from './serve-call';
export { serverMethod } from './server-method';
export type { StreamLimits } from './stream-requests';
export { unaryHandler } from './unary-handler';
export { unary, type UnaryOptions } from './unary';
export { letCallsDieYoung } from './young-calls';
