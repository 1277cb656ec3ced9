export { openLocalEngine, type LocalEngine, type LocalEngineSurroundings } from './open-local-engine';
