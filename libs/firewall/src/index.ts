export {
  describePlace,
  judge,
  judgeQuestions,
  type Firewalls,
  type Judgement,
  type Place,
  type Verdict,
} from './judge.ts';
export { type HostServer, PROBED_HOST, type Network, type Packet, type Uplinks } from './packet.ts';
export { remedyFor, type Remedy } from './remedy.ts';
export { tablesOf, type Table } from './ruleset.ts';
export { doubtOf, obstacleOf, publishedObstacleOf, questionsObstacleOf } from './words.ts';
export { answerTo, packetOf, type Question } from './question.ts';
export { ruleText, valueText } from './rule-text.ts';
export { trace, type Trace, type Turn } from './trace.ts';
