import { parentPort, workerData } from 'node:worker_threads';
import { toMicError } from '@mic/domain';
import { OnnxSession } from './session';
import type { Interfaces, SessionMessage, SessionRequest, SessionSetup } from './session-protocol';

const port = parentPort!;
const say = (message: SessionMessage, transfer: readonly ArrayBuffer[] = []): void => {
  port.postMessage(message, [...transfer]);
};

const { model, name } = workerData as SessionSetup;
try {
  serve(await OnnxSession.open(model, { name }));
} catch (error) {
  const { message, remedy } = toMicError(error);
  say({ type: 'refused', message, remedy });
}

function serve(session: OnnxSession): void {
  port.on('message', (request: SessionRequest) => {
    if (request === 'close') void session.close().finally(() => port.close());
    else void answer(session, request);
  });
  const inputs: Interfaces = Object.fromEntries(session.inputNames.map((key) => [key, session.inputInterface(key)]));
  const outputs: Interfaces = Object.fromEntries(session.outputNames.map((key) => [key, session.outputInterface(key)]));
  say({ type: 'ready', inputs, outputs });
}

async function answer(session: OnnxSession, { id, feeds, fetch }: Exclude<SessionRequest, 'close'>): Promise<void> {
  try {
    say({ type: 'results', id, results: await session.run(feeds, fetch) });
  } catch (error) {
    say({ type: 'error', id, message: toMicError(error).message });
  }
}
