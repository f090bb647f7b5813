import assert from 'node:assert/strict';
import type { CommandBody, CommandResponse } from '@quorate/kv';
import type { Call } from '@quorate/replica';
import type { Member } from './member.ts';

/** Proposes a command and gives it the type of its answer. */
export async function execute<Case extends CommandBody['$case']>(
  member: Member,
  body: CommandBody & { readonly $case: Case },
  call: Call,
): Promise<Extract<CommandResponse, { readonly $case: Case }>> {
  const answer = await member.propose(body, call);
  assert(answer.$case === body.$case, 'a command is answered in kind');
  return answer as Extract<CommandResponse, { readonly $case: Case }>;
}
