/** One reason among several in a `Status`. */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

/** `metav1.StatusDetails`. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** `metav1.Status`: the body of every answer that is not an object. */
export interface Status {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** What a `Status` calls the object that it speaks of. */
export interface Subject {
  readonly group: string;
  /** The plural, or the kind: the API server uses either, depending on who answers. */
  readonly kind: string;
  readonly name?: string | undefined;
}

/** A refusal. The model throws it inside and answers with its `Status`. */
export class ApiError extends Error {
  readonly status: Status;
  readonly code: number;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = failure(code, reason, message, details);
  }
}

/** A failure in the API server's field order, which leaves out what is empty. */
export function failure(
  code: number,
  reason: string,
  message: string,
  details?: StatusDetails,
): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason && { reason }),
    ...(details && { details }),
    code,
  };
}

function detailsOf(subject: Subject, causes?: readonly StatusCause[]): StatusDetails {
  return {
    ...(subject.name && { name: subject.name }),
    ...(subject.group && { group: subject.group }),
    kind: subject.kind,
    ...(causes && { causes }),
  };
}

/** `leases.coordination.k8s.io`, `configmaps`, `Lease.coordination.k8s.io`, … */
function qualified(subject: Subject): string {
  return subject.group ? `${subject.kind}.${subject.group}` : subject.kind;
}

export function success(subject: Subject, uid: string): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { ...detailsOf(subject), uid },
  };
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

export function unauthorized(): ApiError {
  return new ApiError(401, 'Unauthorized', 'Unauthorized');
}

export function notFound(subject: Subject): ApiError {
  const message = `${qualified(subject)} "${subject.name ?? ''}" not found`;
  return new ApiError(404, 'NotFound', message, detailsOf(subject));
}

export function unknownResource(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError(405, 'MethodNotAllowed', message, {});
}

export function notAcceptable(): ApiError {
  const message =
    '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf';
  return new ApiError(406, 'NotAcceptable', message, {});
}

export function alreadyExists(subject: Subject): ApiError {
  const message = `${qualified(subject)} "${subject.name ?? ''}" already exists`;
  return new ApiError(409, 'AlreadyExists', message, detailsOf(subject));
}

export function conflict(subject: Subject, why: string): ApiError {
  const what = `${qualified(subject)} "${subject.name ?? ''}"`;
  const message = `Operation cannot be fulfilled on ${what}: ${why}`;
  return new ApiError(409, 'Conflict', message, detailsOf(subject));
}

export function forbidden(subject: Subject, why: string, cause?: StatusCause): ApiError {
  const name = subject.name ? ` "${subject.name}"` : '';
  const message = `${qualified(subject)}${name} is forbidden: ${why}`;
  return new ApiError(403, 'Forbidden', message, detailsOf(subject, cause && [cause]));
}

export function unsupportedMediaType(message: string, details?: StatusDetails): ApiError {
  return new ApiError(415, 'UnsupportedMediaType', message, details);
}

export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message);
}

export function internalError(message: string): ApiError {
  return new ApiError(500, '', message);
}

export function tooLargeResourceVersion(asked: string, current: number): ApiError {
  const message = `Timeout: Too large resource version: ${asked}, current: ${current}`;
  const cause = { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' };
  return new ApiError(504, 'Timeout', message, { causes: [cause], retryAfterSeconds: 1 });
}

/** A field that the API server refuses, with its reason's short name. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
  readonly reason:
    'FieldValueInvalid' | 'FieldValueRequired' | 'FieldValueForbidden' | 'FieldValueNotSupported';
}

export function invalid(subject: Subject, problems: readonly FieldProblem[]): ApiError {
  const lines = [...new Set(problems.map(({ field, message }) => `${field}: ${message}`))];
  const list = lines.length === 1 ? lines.join() : `[${lines.join(', ')}]`;
  const causes = problems.map(({ reason, message, field }) => ({ reason, message, field }));
  const message = `${qualified(subject)} "${subject.name ?? ''}" is invalid: ${list}`;
  return new ApiError(422, 'Invalid', message, detailsOf(subject, causes));
}

export function forbiddenValue(field: string, why: string): FieldProblem {
  return { field, message: `Forbidden: ${why}`, reason: 'FieldValueForbidden' };
}

export function invalidValue(field: string, value: unknown, why: string): FieldProblem {
  const message = `Invalid value: ${JSON.stringify(value)}: ${why}`;
  return { field, message, reason: 'FieldValueInvalid' };
}
