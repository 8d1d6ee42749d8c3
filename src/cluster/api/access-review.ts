import { type ApiAction, type ApiClient, ApiError } from './client.ts';
import { resourcesFor } from './resources.ts';
import { statusError } from './status-error.ts';

/** A verb on a resource, as a rule of a ClusterRole grants it. */
export interface Permission {
  readonly verb: ApiAction['verb'];
  /** `''` is the core group. */
  readonly group: string;
  readonly resource: string;
  /** Of the one object that is asked for: a rule may name it in its `resourceNames`. */
  readonly name?: string;
  /** It can be done without. */
  readonly optional: boolean;
}

/** What the agent asks of an API server: to hear of its objects, and to write Events if it does. */
export function neededPermissions(events: boolean, nodeName: string): readonly Permission[] {
  const hearing = resourcesFor(nodeName, undefined).flatMap(({ kind, name, optional }) => {
    const [resource = '', ...group] = name.split('.');
    const about = { group: group.join('.'), resource, optional, ...(kind === 'Node' && { name: nodeName }) };
    return (['list', 'watch'] as const).map((verb) => ({ verb, ...about }));
  });
  const telling = (['create', 'patch'] as const).map((verb) => {
    return { verb, group: 'events.k8s.io', resource: 'events', optional: true };
  });
  return events ? [...hearing, ...telling] : hearing;
}

const longestAnswer = 64 * 1024;
const silenceMilliseconds = 10_000;

/**
 * Asks for each permission in all namespaces whether our account has it: SelfSubjectAccessReviews, which every account may create
 * (system:basic-user). Nothing is changed by them.
 * @returns those that are denied.
 * @throws ApiError when the server cannot be asked, or does not answer the question.
 */
export async function deniedPermissions(
  client: ApiClient,
  permissions: readonly Permission[],
  signal: AbortSignal,
): Promise<readonly Permission[]> {
  const denied: Permission[] = [];
  for (const permission of permissions) {
    const { optional: _, ...resourceAttributes } = permission;
    const spec = { resourceAttributes };
    const { status } = await create(client, accessReviews, { spec }, signal);
    const allowed = fieldOf(status, 'allowed');
    if (typeof allowed !== 'boolean') throw unclear(client, accessReviews);
    if (!allowed) denied.push(permission);
  }
  return denied;
}

/** The name of our account, `system:serviceaccount:kube-system:nodeplane`. Servers before 1.28 do not tell. @throws ApiError */
export async function accountName(client: ApiClient, signal: AbortSignal): Promise<string> {
  const { status } = await create(client, selfReviews, {}, signal);
  const name = fieldOf(fieldOf(status, 'userInfo'), 'username');
  if (typeof name !== 'string' || name === '') throw unclear(client, selfReviews);
  return name;
}

interface ReviewKind {
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
}

const accessReviews: ReviewKind = {
  group: 'authorization.k8s.io',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
};
const selfReviews: ReviewKind = {
  group: 'authentication.k8s.io',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
};

/** Reviews are answered, not stored. */
async function create(
  client: ApiClient,
  review: ReviewKind,
  object: object,
  signal: AbortSignal,
): Promise<{ readonly status: unknown }> {
  const { group, kind, plural } = review;
  const what = actionOf(review);
  const response = await client.open({
    method: 'POST',
    path: `/apis/${group}/v1/${plural}`,
    what,
    body: { type: 'application/json', text: JSON.stringify({ apiVersion: `${group}/v1`, kind, ...object }) },
    silenceMilliseconds,
    signal,
  });
  if (response.status >= 300) throw await statusError(client.server, what, response);
  let text = '';
  for await (const piece of response.body) {
    text += piece.toString();
    if (text.length > longestAnswer) throw unclear(client, review);
  }
  try {
    return { status: fieldOf(JSON.parse(text), 'status') };
  } catch (thrown) {
    throw unclear(client, review, thrown);
  }
}

function actionOf({ group, plural }: ReviewKind): ApiAction {
  return { verb: 'create', resource: `${plural}.${group}` };
}

function unclear(client: ApiClient, review: ReviewKind, cause?: unknown): ApiError {
  const reason = `it is no ${review.kind}`;
  return new ApiError('NP-API-007', { server: client.server, ...actionOf(review), reason }, { cause });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)).get(name) : undefined;
}
