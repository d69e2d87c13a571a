/** Where each of an endpoint's sealed texts belongs: it opens nowhere else. */
export const secretContext = (endpointId: string): string => `endpoint:${endpointId}:secret`;
export const headersContext = (endpointId: string): string => `endpoint:${endpointId}:headers`;
export const tlsKeyContext = (endpointId: string): string => `endpoint:${endpointId}:tls_key`;
