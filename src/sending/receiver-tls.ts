/** What an endpoint has of its own for TLS; verification of the receiver is on in any case. */
export interface ReceiverTls {
  /** Changes with the endpoint and with what it has: connections are shared only within one such id. */
  readonly id: string;
  /** PEM certificates trusted instead of the usual authorities; null: the usual ones. */
  readonly ca: string | null;
  /** PEM, the client's own certificate first; null: none is shown to the receiver. */
  readonly cert: string | null;
  /** PEM; null exactly when `cert` is. */
  readonly key: string | null;
}
