// Programs that the tests run for real and npm cannot install: on Debian as root they are installed, elsewhere named.
import { spawnSync } from 'node:child_process';

const runs = (program, args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0;
/** Debian's own Python, or the one on the path. */
const pythonRuns = (code) => ['/usr/bin/python3', 'python3'].some((python) => runs(python, ['-c', code]));

/** Debian's package, and how to tell that it is there. */
const PACKAGES = [
  { name: 'redis-server', there: () => runs('redis-server', ['--version']) },
  { name: 'kubernetes-client', there: () => runs('kubectl', ['version', '--client']) },
  { name: 'python3-grpcio', there: () => pythonRuns('import grpc, google.protobuf') },
  { name: 'python3-onnx', there: () => pythonRuns('import onnx, numpy') },
];

const missing = () => PACKAGES.filter(({ there }) => !there()).map(({ name }) => name);

/** @throws Error naming the packages that are missing and cannot be installed here. */
export function systemPackages() {
  const wanted = missing();
  if (wanted.length === 0) return;
  const isRoot = process.getuid?.() === 0;
  if (isRoot && runs('apt-get', ['--version'])) {
    console.error(`setup: installing ${wanted.join(', ')} (apt-get)`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const options = { env, stdio: ['ignore', 2, 2] };
    spawnSync('apt-get', ['update', '-qq'], options);
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted], options);
  }
  const still = missing();
  if (still.length > 0) {
    throw new Error(`the tests need ${still.join(', ')} (on Debian, as root: apt-get install ${still.join(' ')})`);
  }
}
