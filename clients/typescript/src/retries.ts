/**
 * Sends a request until it has a response, if repeating it is safe.
 *
 * A request is repeated after an unclear failure only if the server then does its work once: GET and HEAD,
 * POST with an `Idempotency-Key`, and PUT, PATCH and DELETE with `If-Match`. A refusal that certainly did
 * nothing (429, or 503 before a statement was sent) is repeated for every method.
 */
import { type ClientError, errorOf, NoResponseError, type ProblemDetails, problemOf } from "./errors.js";
import type { Timing } from "./timing.js";

/** How often and how long a call is tried. All times are milliseconds. */
export interface RetryPolicy {
  maxAttempts: number;
  /** The maximum for all attempts and waits of a call. */
  deadline: number;
  /** The maximum for one attempt. */
  attemptTimeout: number;
  /** Waits are random, at most `baseDelay` doubled with each attempt. They are added to Retry-After. */
  baseDelay: number;
  maxDelay: number;
}

export const DEFAULT_POLICY: RetryPolicy = {
  maxAttempts: 5,
  deadline: 30_000,
  attemptTimeout: 15_000,
  baseDelay: 100,
  maxDelay: 5_000,
};

/** Codes of 503 with which the server says that it has not begun. */
const NOT_BEGUN = new Set(["circuit_open", "pool_exhausted", "identity_unavailable"]);
const UNCLEAR_STATUSES = new Set([500, 502, 503, 504]);
/** Causes of Node's fetch for a request that was not sent. */
const NOT_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);
const WITHOUT_BODY = new Set([204, 205, 304]);

type Outcome = { response: Response; problem: ProblemDetails } | { error: unknown };
type Fetch = (request: Request, init: RequestInit) => Promise<Response>;

/** Send the request, and return the successful response. Throw a StatusError or NoResponseError. */
export async function send(
  request: Request,
  hasKey: boolean,
  fetchOnce: Fetch,
  policy: RetryPolicy,
  timing: Timing,
  received: (response: Response) => void,
): Promise<Response> {
  const reads = request.method === "GET" || request.method === "HEAD";
  const isRepeatable = request.method === "POST" ? hasKey : reads || request.headers.has("If-Match");
  const end = timing.monotonic() + policy.deadline;
  let maybeApplied = false;
  for (let attempt = 1; ; attempt += 1) {
    const remaining = Math.max(end - timing.monotonic(), 1);
    const timeout = Math.min(policy.attemptTimeout, remaining);
    const outcome = await attemptOnce(request, fetchOnce, timing.timeout(timeout), received);
    if (outcome instanceof Response) return outcome;
    const unclear = isUnclear(outcome);
    maybeApplied = (maybeApplied || unclear) && !reads;
    const refusedWithKey = hasKey && !unclear;
    const error = toError(outcome, maybeApplied && !refusedWithKey);
    if (attempt >= policy.maxAttempts || !isRetried(outcome, isRepeatable, hasKey)) throw error;
    const delay = delayOf(attempt, outcome, policy, timing);
    if (timing.monotonic() + delay >= end) throw error;
    await sleep(delay, timing, request.signal);
  }
}

/** Wait, and throw the reason of the caller's signal as soon as it is aborted. */
async function sleep(delay: number, timing: Timing, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort);
  });
  try {
    await Promise.race([timing.sleep(delay), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Send the request once and read the whole body, because the connection may break in the middle. */
async function attemptOnce(
  request: Request,
  fetchOnce: Fetch,
  timeout: AbortSignal,
  received: (response: Response) => void,
): Promise<Response | Outcome> {
  try {
    const signal = AbortSignal.any([request.signal, timeout]);
    const partial = await fetchOnce(request.clone(), { signal });
    const body = await partial.arrayBuffer();
    const { status, statusText, headers } = partial;
    const content = WITHOUT_BODY.has(status) || request.method === "HEAD" ? null : body;
    const response = new Response(content, { status, statusText, headers });
    received(response);
    return response.ok ? response : { response, problem: await problemOf(response) };
  } catch (error) {
    if (request.signal.aborted) throw error; // by the caller
    return { error };
  }
}

/** Return whether the server may have done the work. */
function isUnclear(outcome: Outcome): boolean {
  if ("error" in outcome) return !wasNotSent(outcome.error);
  const { status, code } = outcome.problem;
  if (status === 409) return code === "idempotency_in_progress";
  return status >= 500 && !NOT_BEGUN.has(code);
}

/** Return whether another attempt can succeed, and does the work once. */
function isRetried(outcome: Outcome, isRepeatable: boolean, hasKey: boolean): boolean {
  if ("error" in outcome) return isRepeatable || wasNotSent(outcome.error);
  const { status, code } = outcome.problem;
  if (status === 429) return true;
  if (status === 409) return hasKey && code === "idempotency_in_progress";
  if (NOT_BEGUN.has(code)) return true;
  const isFault = code === "internal_error"; // of the program: it would happen again
  return UNCLEAR_STATUSES.has(status) && isRepeatable && !isFault;
}

function wasNotSent(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && NOT_SENT.has(String(cause.code));
}

function delayOf(attempt: number, outcome: Outcome, policy: RetryPolicy, timing: Timing): number {
  const longest = Math.min(policy.maxDelay, policy.baseDelay * 2 ** (attempt - 1));
  const backoff = longest * timing.random();
  const asked = "error" in outcome ? null : retryAfter(outcome.response, timing.now());
  return (asked ?? 0) + backoff;
}

/** Return the milliseconds of the header, which may also be a date; null without a valid one. */
export function retryAfter(response: Response, now: number): number | null {
  const value = response.headers.get("Retry-After")?.trim() ?? "";
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(date - now, 0);
}

function toError(outcome: Outcome, maybeApplied: boolean): ClientError {
  if ("error" in outcome) {
    const { error } = outcome;
    return new NoResponseError(`No complete response: ${String(error)}`, maybeApplied, { cause: error });
  }
  return errorOf(outcome.response, outcome.problem, maybeApplied);
}
