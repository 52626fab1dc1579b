/** The clocks, timers and random numbers of a client. Tests pass their own. All times are milliseconds. */
export interface Timing {
  /** A clock that is never set back, for deadlines. */
  monotonic(): number;
  /** The time since 1970, to read a Retry-After that is a date. */
  now(): number;
  /** A number from 0 to 1, for the jitter of waits. */
  random(): number;
  sleep(milliseconds: number): Promise<void>;
  /** A signal that aborts a request after the time. */
  timeout(milliseconds: number): AbortSignal;
}

export const SYSTEM_TIMING: Timing = {
  monotonic: () => performance.now(),
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  timeout: (milliseconds) => AbortSignal.timeout(milliseconds),
};
