/** Typed errors: one class for each status, from the problem document (RFC 9457) of the response. */

/** An entry of a problem's `errors`: `pointer` is in the body, `parameter` in the URL. */
export interface InvalidValue {
  code: string;
  message: string;
  pointer?: string;
  parameter?: string;
}

/** A problem document. `code` is stable. */
export interface ProblemDetails {
  status: number;
  code: string;
  title: string;
  detail: string;
  request_id: string | null;
  errors: InvalidValue[];
  [extension: string]: unknown;
}

/** A call failed. */
export class ClientError extends Error {
  /**
   * maybeApplied: an attempt of this call may have changed data, although the call failed. Read the
   * row before you decide whether to send the change again.
   */
  constructor(
    message: string,
    readonly maybeApplied: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The connection failed, or no complete response came in time. `cause` has the reason. */
export class NoResponseError extends ClientError {}

/** The response has a status of 300 or more. The subclasses are for one status each. */
export class StatusError extends ClientError {
  constructor(
    readonly problem: ProblemDetails,
    readonly response: Response,
    maybeApplied: boolean,
  ) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`, maybeApplied);
  }

  get status(): number {
    return this.problem.status;
  }

  /** The stable code, such as `out_of_stock`. */
  get code(): string {
    return this.problem.code;
  }

  /** The id to give to the operator. */
  get requestId(): string | null {
    return this.problem.request_id;
  }
}

/** 304: the row still has the ETag of `If-None-Match`. */
export class NotModifiedError extends StatusError {}
/** 400: a parameter, a cursor or the JSON is invalid. */
export class BadRequestError extends StatusError {}
/** 401: the key or token is missing or invalid. */
export class AuthenticationError extends StatusError {}
/** 403: the scope or the tenant is missing. */
export class PermissionDeniedError extends StatusError {}
/** 404: no such row or path. */
export class NotFoundError extends StatusError {}
/** 409: the state of the data forbids it; see `code`. */
export class ConflictError extends StatusError {}
/** 412: the row has another version than `If-Match` names. */
export class PreconditionFailedError extends StatusError {}
/** 422: values in the body are invalid; `problem.errors` has all of them. */
export class UnprocessableError extends StatusError {}
/** 429: the quota is used up. */
export class RateLimitError extends StatusError {}
/** 500 and more. */
export class ServerError extends StatusError {}
/** 503: try again later. */
export class UnavailableError extends ServerError {}
/** 504: the statement took too long. */
export class GatewayTimeoutError extends ServerError {}

const BY_STATUS = new Map<number, typeof StatusError>([
  [304, NotModifiedError],
  [400, BadRequestError],
  [401, AuthenticationError],
  [403, PermissionDeniedError],
  [404, NotFoundError],
  [409, ConflictError],
  [412, PreconditionFailedError],
  [422, UnprocessableError],
  [429, RateLimitError],
  [503, UnavailableError],
  [504, GatewayTimeoutError],
]);

/** Return the problem document; that of a proxy's response has the code `unknown`. */
export async function problemOf(response: Response): Promise<ProblemDetails> {
  const document = await readDocument(response);
  const text = (name: string, fallback: string) => String(document[name] ?? fallback);
  return {
    ...document,
    status: response.status,
    code: text("code", "unknown"),
    title: text("title", response.statusText),
    detail: text("detail", text("message", response.statusText)),
    request_id: (document["request_id"] as string | undefined) ?? response.headers.get("X-Request-Id"),
    errors: (document["errors"] as InvalidValue[] | undefined) ?? [],
  };
}

async function readDocument(response: Response): Promise<Record<string, unknown>> {
  if (!response.headers.get("Content-Type")?.includes("json")) return {};
  try {
    const document: unknown = await response.clone().json();
    return typeof document === "object" && document !== null ? { ...document } : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** Return the error of a response that is not a success. */
export function errorOf(response: Response, problem: ProblemDetails, maybeApplied: boolean): StatusError {
  const fallback = response.status >= 500 ? ServerError : StatusError;
  const kind = BY_STATUS.get(response.status) ?? fallback;
  return new kind(problem, response, maybeApplied);
}
