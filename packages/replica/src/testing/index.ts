export { pong, testPeerCalls, type TransportsUnderTest } from './peer-call-contract.ts';
