import { spawnSync } from 'node:child_process';

/** A Python that has grpcio: Debian's own, or the one on the path. */
export function pythonWithGrpc(): string {
  const found = ['/usr/bin/python3', 'python3'].find(
    (python) => spawnSync(python, ['-c', 'import grpc, google.protobuf'], { stdio: 'ignore' }).status === 0,
  );
  if (found === undefined) throw new Error('no Python with grpcio: apt-get install python3-grpcio');
  return found;
}
