export { decodeDecision, encodeDecision, type Decision } from './decision';
export { DecisionLog, isSampled, tellDecisionTrouble, type DecisionLogOptions } from './decision-log';
export { readDecisions, type LoggedLine } from './read-decisions';
export { replay, type Replay, type Replayed } from './replay';
