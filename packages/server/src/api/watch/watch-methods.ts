import { watchService } from '@quorate/protocol';
import { bidiStream, type HandledMethod } from '../api-method.ts';
import type { Member } from '../member.ts';
import { WatchSession, type WatchSettings } from './watch-session.ts';

/** etcd's Watch service: changes as they happen, and as they have happened. */
export function watchMethods(member: Member, settings: WatchSettings): readonly HandledMethod[] {
  return [
    bidiStream(watchService.methods.watch, (requests, context) =>
      new WatchSession(member, settings, context).serve(requests),
    ),
  ];
}
