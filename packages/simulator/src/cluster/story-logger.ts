import type { Logger } from '@quorate/replica';
import type { Trace } from '../kernel/trace.ts';

/** A member's logger that makes its lines part of the run's story. */
export function storyLogger(trace: Trace, who: string): Logger {
  const detail = (_fields: object, message: string): void => trace.detail(who, () => message);
  const story = (_fields: object, message: string): void => trace.story(who, message);
  const logger: Logger = {
    trace: detail,
    debug: detail,
    info: story,
    warn: story,
    error: story,
    child: () => logger,
  };
  return logger;
}
