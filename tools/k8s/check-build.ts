import { checkApps } from './check-apps';
import { checkNetwork } from './check-network';
import { checkPolicy } from './check-policy';
import { checkReferences } from './check-references';
import { checkTypes } from './check-types';
import { Build, type KubernetesObject, type Problem } from './objects';

/** Everything that is wrong with the objects of one build. Other checks presume the types, so those come first. */
export function checkBuild(objects: readonly KubernetesObject[]): readonly Problem[] {
  const ofType = checkTypes(objects);
  if (ofType.length > 0) return ofType;
  const build = new Build(objects);
  return [...checkReferences(build), ...checkNetwork(build), ...checkApps(build), ...checkPolicy(build)];
}
