import type { Schemas } from '@/api/client';

type Attempt = Schemas['AttemptDto'];
type Failure = Pick<Attempt, 'status_code' | 'error'>;

const BY_STATUS: Record<number, string> = {
  400: 'The receiver could not make sense of the request.',
  401: 'The receiver wants a sign-in. Check the headers that the endpoint sends along.',
  403: 'The receiver refuses it. A firewall, or a signature that it rejects, are the usual reasons.',
  404: 'Nothing is at this address. Check the path of the endpoint.',
  405: 'The address takes no POST. Check the path of the endpoint.',
  408: 'The receiver gave up waiting for the request.',
  410: 'The receiver says it is gone for good. Posthaste disables an endpoint that says so.',
  413: 'The payload is larger than the receiver takes.',
  415: 'The receiver does not take JSON at this address.',
  429: 'The receiver gets more than it wants at once. A rate limit on the endpoint would spare it.',
  500: 'The receiver failed while handling it. Its own log tells more.',
  502: 'A proxy stands before the receiver and got no good answer from it.',
  503: 'The receiver is down or overloaded.',
  504: 'A proxy stands before the receiver and waited too long for it.',
};

const BY_ERROR: [RegExp, string][] = [
  [
    /time(d )?out|no answer within/i,
    'No complete answer came within the time the endpoint is given. Answer first, work afterwards.',
  ],
  [/connection refused/i, 'Nothing listens at this address: the receiver is down, or the port is wrong.'],
  [/reset|ended|closed|broken/i, 'The connection broke before an answer was complete.'],
  [
    /address refused/i,
    'The name leads to an address that Posthaste may not send to, such as one of a private network.',
  ],
  [
    /tls|certificate/i,
    "The receiver's certificate could not be trusted: expired, of another name, or of an unknown authority.",
  ],
  [/unreachable/i, 'There is no way through the network to this address.'],
  [/not valid HTTP/i, 'What answers there does not speak HTTP. Check the port.'],
  [/resolve/i, 'The name has no address. Check it for typos.'],
  [/redirect/i, 'The receiver sends elsewhere. Redirects are not followed: enter the final address.'],
];

/** Why an attempt failed, in words for a person who didn't write the receiver. */
export function explainFailure({ status_code: status, error }: Failure): string {
  if (status !== null && status >= 300 && status < 400) {
    return 'The receiver sends elsewhere. Redirects are not followed: enter the final address.';
  }
  const known = status === null ? undefined : BY_STATUS[status];
  if (known !== undefined) return known;
  if (status !== null) {
    return status >= 500 ? 'The receiver failed while handling it.' : 'The receiver refused it. Only a 2xx counts.';
  }
  return BY_ERROR.find(([pattern]) => pattern.test(error ?? ''))?.[1] ?? 'No complete answer came.';
}
