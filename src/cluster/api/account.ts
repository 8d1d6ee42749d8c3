import type { ExecPlugin } from './exec-plugin.ts';

/** PEM text in the kubeconfig itself or in a file that is read again before each request. `field` names it in messages. */
export type Pem =
  | { readonly kind: 'text'; readonly field: string; readonly text: string }
  | { readonly kind: 'file'; readonly field: string; readonly file: string };

/** What goes into the Authorization header. */
export type Authorization =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string }
  /** Read before each request: kubelet replaces the token of a pod every hour or so. */
  | { readonly kind: 'token-file'; readonly file: string }
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'exec'; readonly plugin: ExecPlugin };

/** Where the API server is and how we prove who we are: what the current context of a kubeconfig says, or a pod's service account. */
export interface Account {
  /** The kubeconfig or the directory of the service account. */
  readonly from: string;
  /** `https://host:port/prefix`, without a slash at the end. */
  readonly server: string;
  /** Undefined: the authorities that Node.js trusts. */
  readonly authority: Pem | undefined;
  /** The name that the server's certificate must have, when it is not the host of `server`. */
  readonly serverName: string | undefined;
  /** The server's certificate is not verified. */
  readonly insecure: boolean;
  readonly client: { readonly certificate: Pem; readonly key: Pem } | undefined;
  readonly authorization: Authorization;
}
