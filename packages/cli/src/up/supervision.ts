import type { StopSignals } from './stop-signals.ts';

/** What a member tells the `quorate up` that started it. */
export type MemberReport =
  /** It listens. */
  | { readonly kind: 'up' }
  /** It knows another leader than before: an id in hexadecimal, or null for none. */
  | { readonly kind: 'leader'; readonly leader: string | null; readonly term: number }
  /** It could not start. */
  | { readonly kind: 'refused'; readonly message: string }
  /** It had to stop itself. */
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Makes this process end with the one that started it, however that ends: their channel closes then. Resolves
 * when the member is to stop. Ctrl-C is left to the supervisor, which stops its members in order.
 */
export function superviseMember(signals: StopSignals): Promise<void> {
  signals.leaveTerminalToSupervisor();
  if (process.send === undefined) return signals.first;
  const orphaned = new Promise<void>((resolve) => {
    process.once('disconnect', resolve);
  });
  return Promise.race([orphaned, signals.first]);
}

/** Tells the supervisor, if there is one and it lives. */
export function reportToSupervisor(report: MemberReport): void {
  if (process.connected) process.send?.(report);
}

/** Hangs up: an open channel would keep this process from ending. */
export function leaveSupervisor(): void {
  if (process.connected) process.disconnect?.();
}

/** Recognises a report among what comes over a channel. */
export function toMemberReport(message: unknown): MemberReport | null {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return null;
  const { kind } = message;
  const isKnown = kind === 'up' || kind === 'leader' || kind === 'refused' || kind === 'failed';
  return isKnown ? (message as MemberReport) : null;
}
