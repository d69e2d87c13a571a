// Written by `npm run dashboard:types` from the API's OpenAPI document.

export interface paths {
    "/api/v1/tenants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List tenants, newest first
         * @description List tenants, newest first.
         *
         *     Needs the operator's key.
         */
        get: operations["listTenants"];
        put?: never;
        /**
         * Create a tenant with its first API key
         * @description Create a tenant with its first API key.
         *
         *     Needs the operator's key.
         */
        post: operations["createTenant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tenants/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a tenant
         * @description Get a tenant.
         *
         *     Needs the operator's key.
         */
        get: operations["getTenant"];
        put?: never;
        post?: never;
        /**
         * Delete a tenant and everything of it
         * @description Delete a tenant and everything of it.
         *
         *     Needs the operator's key.
         */
        delete: operations["deleteTenant"];
        options?: never;
        head?: never;
        /**
         * Change, suspend or resume a tenant
         * @description Change, suspend or resume a tenant.
         *
         *     Needs the operator's key.
         */
        patch: operations["updateTenant"];
        trace?: never;
    };
    "/api/v1/tenants/{id}/portal-links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a link that lets a person look after the tenant in a browser
         * @description Make a link that lets a person look after the tenant in a browser.
         *
         *     Needs the scope `keys:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["createPortalLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List API keys, newest first; revoked and expired ones too
         * @description List API keys, newest first; revoked and expired ones too.
         *
         *     Needs the scope `keys:write`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["listApiKeys"];
        put?: never;
        /**
         * Create an API key
         * @description Create an API key.
         *
         *     Needs the scope `keys:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["createApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-keys/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace an API key; the old one lives on for a while
         * @description Replace an API key; the old one lives on for a while.
         *
         *     Needs the scope `keys:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["rotateApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke an API key, with effect at once
         * @description Revoke an API key, with effect at once.
         *
         *     Needs the scope `keys:write`, or the operator's key with `X-Tenant-Id`.
         */
        delete: operations["revokeApiKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/oauth/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Get an access token for an API key (OAuth2 client credentials)
         * @description As RFC 6749 has it, sections 4.4 and 5: a form, and failures as `{error, error_description}` rather than problem+json. The client is an API key, named in the form or by HTTP Basic. The token ends with its key.
         *
         *     Needs no key.
         */
        post: operations["issueAccessToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whose session this is, and what it may do
         * @description Whose session this is, and what it may do.
         *
         *     Needs the session of a browser.
         */
        get: operations["getSession"];
        put?: never;
        /**
         * Begin a browser's session with an API key or a portal link
         * @description Sets a cookie that no script can read and that ends after 8 hours, or with the portal link. Requests by that cookie that are no GET need the `csrf_token` as `X-CSRF-Token`, and must come from the same origin.
         *
         *     Needs the key or token of anybody, whatever it may do.
         */
        post: operations["beginSession"];
        /**
         * End the session, and every copy of its cookie
         * @description End the session, and every copy of its cookie.
         *
         *     Needs the session of a browser.
         */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How all endpoints fare, newest endpoint first
         * @description How all endpoints fare, newest endpoint first.
         *
         *     Needs the scope `endpoints:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["listEndpointHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{id}/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How an endpoint fares, over the last hour
         * @description How an endpoint fares, over the last hour.
         *
         *     Needs the scope `endpoints:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["getEndpointHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List endpoints, newest first
         * @description List endpoints, newest first.
         *
         *     Needs the scope `endpoints:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["listEndpoints"];
        put?: never;
        /**
         * Create an endpoint
         * @description Create an endpoint.
         *
         *     Needs the scope `endpoints:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["createEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get an endpoint
         * @description Get an endpoint.
         *
         *     Needs the scope `endpoints:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["getEndpoint"];
        put?: never;
        post?: never;
        /**
         * Delete an endpoint; its pending deliveries are cancelled
         * @description Delete an endpoint; its pending deliveries are cancelled.
         *
         *     Needs the scope `endpoints:write`, or the operator's key with `X-Tenant-Id`.
         */
        delete: operations["deleteEndpoint"];
        options?: never;
        head?: never;
        /**
         * Change, disable or enable an endpoint
         * @description Change, disable or enable an endpoint.
         *
         *     Needs the scope `endpoints:write`, or the operator's key with `X-Tenant-Id`.
         */
        patch: operations["updateEndpoint"];
        trace?: never;
    };
    "/api/v1/endpoints/{id}/secret": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show what deliveries to an endpoint are signed with
         * @description Show what deliveries to an endpoint are signed with.
         *
         *     Needs the scope `endpoints:write`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["getEndpointSecret"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{id}/secret/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace the secret; deliveries are signed with both for a while
         * @description Replace the secret; deliveries are signed with both for a while.
         *
         *     Needs the scope `endpoints:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["rotateEndpointSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a sample event now and tell what came back
         * @description Send a sample event now and tell what came back.
         *
         *     Needs the scope `endpoints:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["testEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List events without their payloads, newest first
         * @description List events without their payloads, newest first.
         *
         *     Needs the scope `events:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["listEvents"];
        put?: never;
        /**
         * Publish an event
         * @description Publish an event.
         *
         *     Needs the scope `events:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["publishEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Publish up to 1,000 events
         * @description Each event has its own outcome, in order; a bad one never spoils the others.
         *
         *     Needs the scope `events:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["publishEventBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get an event by our id or the tenant's own, with its deliveries
         * @description Get an event by our id or the tenant's own, with its deliveries.
         *
         *     Needs the scope `events:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["getEvent"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deliver an event anew
         * @description Deliver an event anew.
         *
         *     Needs the scope `deliveries:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["replayEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List deliveries, newest first
         * @description List deliveries, newest first.
         *
         *     Needs the scope `deliveries:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a delivery
         * @description Get a delivery.
         *
         *     Needs the scope `deliveries:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["getDelivery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{id}/attempts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List a delivery's attempts, in the order in which they were made
         * @description List a delivery's attempts, in the order in which they were made.
         *
         *     Needs the scope `deliveries:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["listAttempts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make one attempt now, whatever the schedule
         * @description Make one attempt now, whatever the schedule.
         *
         *     Needs the scope `deliveries:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["retryDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a pending delivery
         * @description Cancel a pending delivery.
         *
         *     Needs the scope `deliveries:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["cancelDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List dead letters without their payloads, newest first
         * @description List dead letters without their payloads, newest first.
         *
         *     Needs the scope `deliveries:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["listDeadLetters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say of all unresolved dead letters of a filter that they are dealt with
         * @description Up to 1,000 a request, oldest first: ask again while `has_more`.
         *
         *     Needs the scope `deliveries:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["resolveDeadLetters"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a dead letter with its payload
         * @description Get a dead letter with its payload.
         *
         *     Needs the scope `deliveries:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["getDeadLetter"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deliver it afresh, with all attempts
         * @description It is resolved as soon as any delivery of its event to its endpoint succeeds.
         *
         *     Needs the scope `deliveries:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["retryDeadLetter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/{id}/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say that it is dealt with
         * @description Say that it is dealt with.
         *
         *     Needs the scope `deliveries:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["resolveDeadLetter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/endpoints/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deliver the events of a span of time to an endpoint anew
         * @description Deliver the events of a span of time to an endpoint anew.
         *
         *     Needs the scope `deliveries:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["replayEndpoint"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Deliver all unresolved dead letters of a filter afresh
         * @description Deliver all unresolved dead letters of a filter afresh.
         *
         *     Needs the scope `deliveries:write`, or the operator's key with `X-Tenant-Id`.
         */
        post: operations["retryDeadLetters"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/replays/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * See how far a replay is
         * @description See how far a replay is.
         *
         *     Needs the scope `deliveries:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["getReplay"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events, deliveries and attempts of a window of time
         * @description Events, deliveries and attempts of a window of time.
         *
         *     Needs the scope `deliveries:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["getStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Attempts as they are recorded (server-sent events)
         * @description Events: `attempt` (`StreamedAttemptDto`), one attempt with what became of its delivery; `sample` (`StreamSampleDto`), how many more there were, as 50 a second of a tenant are told; `gap`, attempts before this were missed, read them from the lists; `end` `{reason}`. For the eye: what has to be complete is in the lists.
         *
         *     Needs the scope `deliveries:read`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["streamAttempts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Queue, backlog and workers of the installation
         * @description Queue, backlog and workers of the installation.
         *
         *     Needs the operator's key.
         */
        get: operations["getSystem"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/demo": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a tenant with endpoints of each kind, and post events to it for a while
         * @description Only with `npm start` on its embedded database. Asking again while it runs changes nothing.
         *
         *     Needs the operator's key.
         */
        post: operations["startDemo"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit-log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List who did what, newest first
         * @description A tenant's own; for the operator everybody's, or with `X-Tenant-Id` those of one tenant.
         *
         *     Needs the scope `keys:write`, or the operator's key with `X-Tenant-Id`.
         */
        get: operations["listAuditLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether the process runs; looks at nothing else
         * @description Whether the process runs; looks at nothing else.
         *
         *     Needs no key.
         */
        get: operations["live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Whether it can take events
         * @description 503 without PostgreSQL, with pending migrations and while shutting down. With Redis away: 200, `degraded`.
         *
         *     Needs no key.
         */
        get: operations["ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics in the Prometheus text format
         * @description Metrics in the Prometheus text format.
         *
         *     Needs the operator's key.
         */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        FieldErrorDto: {
            /** @example url */
            field: string;
            /** @example must be an http or https URL */
            message: string;
        };
        ProblemDto: {
            /**
             * @description Stable: branch on this.
             * @example urn:posthaste:problem:not_found
             */
            type: string;
            /** @example Not found */
            title: string;
            /** @example 404 */
            status: number;
            /**
             * @description For people; may change.
             * @example No such endpoint.
             */
            detail: string;
            /** @description The `X-Request-Id` of the answer; quote it when asking for help. */
            request_id?: string;
            /** @description On a failed validation: what is wrong, field by field. */
            errors?: components["schemas"]["FieldErrorDto"][];
        };
        CreateTenantDto: {
            /**
             * Format: email
             * @example ops@acme.example
             */
            email?: string | null;
            /**
             * @description Events accepted a minute, with a burst of the same; null: no limit.
             * @default 6000
             */
            rate_limit: number | null;
            /** @description Attempts a second; null: no limit. */
            delivery_rate_limit?: number | null;
            /**
             * @description One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or `{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and `retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).
             * @example {
             *       "preset": "standard"
             *     }
             */
            retry_policy?: {
                [key: string]: unknown;
            } | null;
            /** @description Days that events, deliveries and attempts are kept; null: as long as the installation keeps them. */
            retention_days?: number | null;
            /**
             * @description Publish requests must carry `X-Signature: sha256=<hex>`, the HMAC-SHA256 of the body as sent with the `secret_key`.
             * @default false
             */
            require_signed_publish: boolean;
            /**
             * @description 1 to 200 characters.
             * @example Acme
             */
            name: string;
        };
        /**
         * @description A suspended tenant can publish nothing, and its deliveries wait.
         * @enum {string}
         */
        TenantStatus: "active" | "suspended";
        CreatedTenantDto: {
            /** Format: uuid */
            id: string;
            /** @example Acme */
            name: string;
            /**
             * Format: email
             * @example ops@acme.example
             */
            email: string | null;
            /** @description A suspended tenant can publish nothing, and its deliveries wait. */
            status: components["schemas"]["TenantStatus"];
            /**
             * @description Events accepted a minute, with a burst of the same; null: no limit.
             * @default 6000
             */
            rate_limit: number | null;
            /** @description Attempts a second; null: no limit. */
            delivery_rate_limit: number | null;
            /**
             * @description One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or `{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and `retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).
             * @example {
             *       "preset": "standard"
             *     }
             */
            retry_policy: {
                [key: string]: unknown;
            } | null;
            /** @description Days that events, deliveries and attempts are kept; null: as long as the installation keeps them. */
            retention_days: number | null;
            /**
             * @description Publish requests must carry `X-Signature: sha256=<hex>`, the HMAC-SHA256 of the body as sent with the `secret_key`.
             * @default false
             */
            require_signed_publish: boolean;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
            /**
             * @description An API key named `default` with all scopes. Shown only here.
             * @example ph_…
             */
            api_key: string;
            /**
             * @description Signs for `sha256` endpoints that have no secret of their own. Shown only here.
             * @example whsec_…
             */
            secret_key: string;
        };
        TenantDto: {
            /** Format: uuid */
            id: string;
            /** @example Acme */
            name: string;
            /**
             * Format: email
             * @example ops@acme.example
             */
            email: string | null;
            /** @description A suspended tenant can publish nothing, and its deliveries wait. */
            status: components["schemas"]["TenantStatus"];
            /**
             * @description Events accepted a minute, with a burst of the same; null: no limit.
             * @default 6000
             */
            rate_limit: number | null;
            /** @description Attempts a second; null: no limit. */
            delivery_rate_limit: number | null;
            /**
             * @description One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or `{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and `retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).
             * @example {
             *       "preset": "standard"
             *     }
             */
            retry_policy: {
                [key: string]: unknown;
            } | null;
            /** @description Days that events, deliveries and attempts are kept; null: as long as the installation keeps them. */
            retention_days: number | null;
            /**
             * @description Publish requests must carry `X-Signature: sha256=<hex>`, the HMAC-SHA256 of the body as sent with the `secret_key`.
             * @default false
             */
            require_signed_publish: boolean;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        TenantPageDto: {
            data: components["schemas"]["TenantDto"][];
            /** Format: uuid */
            next_cursor: string | null;
        };
        UpdateTenantDto: {
            /**
             * Format: email
             * @example ops@acme.example
             */
            email?: string | null;
            /**
             * @description Events accepted a minute, with a burst of the same; null: no limit.
             * @default 6000
             */
            rate_limit: number | null;
            /** @description Attempts a second; null: no limit. */
            delivery_rate_limit?: number | null;
            /**
             * @description One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or `{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and `retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).
             * @example {
             *       "preset": "standard"
             *     }
             */
            retry_policy?: {
                [key: string]: unknown;
            } | null;
            /** @description Days that events, deliveries and attempts are kept; null: as long as the installation keeps them. */
            retention_days?: number | null;
            /**
             * @description Publish requests must carry `X-Signature: sha256=<hex>`, the HMAC-SHA256 of the body as sent with the `secret_key`.
             * @default false
             */
            require_signed_publish: boolean;
            /**
             * @description 1 to 200 characters.
             * @example Acme
             */
            name?: string;
            /** @description A suspended tenant can publish nothing, and its deliveries wait. */
            status?: components["schemas"]["TenantStatus"];
        };
        /**
         * @description What the link lets a person do, none that its maker lacks; when left out, all that the maker has but `keys:write` and `events:write`.
         * @enum {string}
         */
        PortalScope: "events:write" | "events:read" | "endpoints:write" | "endpoints:read" | "deliveries:write" | "deliveries:read";
        CreatePortalLinkDto: {
            /**
             * @description What the link lets a person do, none that its maker lacks; when left out, all that the maker has but `keys:write` and `events:write`.
             * @example [
             *       "endpoints:read",
             *       "deliveries:read"
             *     ]
             */
            scopes?: components["schemas"]["PortalScope"][];
            /**
             * @description How long the link lives. It ends sooner with the API key that it was made with.
             * @default 3600
             */
            expires_in_seconds: number;
        };
        PortalLinkDto: {
            /**
             * Format: uri
             * @description For one person, like a password: it carries a token in its fragment, which browsers send nowhere.
             * @example https://webhooks.example.com/#portal=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0In0.c2lnbmF0dXJl
             */
            url: string;
            /**
             * Format: date-time
             * @example 2026-01-31T13:00:00.000Z
             */
            expires_at: string;
        };
        /**
         * @description What the key may do; all when left out. A key only gives scopes it has.
         * @enum {string}
         */
        Scope: "events:write" | "events:read" | "endpoints:write" | "endpoints:read" | "deliveries:write" | "deliveries:read" | "keys:write";
        CreateApiKeyDto: {
            /** @example billing backend */
            name: string;
            /**
             * @description What the key may do; all when left out. A key only gives scopes it has.
             * @example [
             *       "events:write",
             *       "events:read"
             *     ]
             */
            scopes?: components["schemas"]["Scope"][];
            /**
             * Format: date-time
             * @description In the future; null: never.
             */
            expires_at?: string | null;
        };
        CreatedApiKeyDto: {
            /** Format: uuid */
            id: string;
            /** @example billing backend */
            name: string;
            /**
             * @description The key's first characters.
             * @example ph_4fKq81Zx
             */
            prefix: string;
            /**
             * @example [
             *       "events:write",
             *       "events:read"
             *     ]
             */
            scopes: components["schemas"]["Scope"][];
            /** Format: date-time */
            expires_at: string | null;
            /**
             * Format: date-time
             * @description Exact to a minute.
             */
            last_used_at: string | null;
            /** Format: date-time */
            revoked_at: string | null;
            /**
             * Format: uuid
             * @description The key that a rotation gave in its place.
             */
            replaced_by: string | null;
            /** Format: date-time */
            created_at: string;
            /**
             * @description The whole key. Shown only here.
             * @example ph_…
             */
            key: string;
        };
        ApiKeyDto: {
            /** Format: uuid */
            id: string;
            /** @example billing backend */
            name: string;
            /**
             * @description The key's first characters.
             * @example ph_4fKq81Zx
             */
            prefix: string;
            /**
             * @example [
             *       "events:write",
             *       "events:read"
             *     ]
             */
            scopes: components["schemas"]["Scope"][];
            /** Format: date-time */
            expires_at: string | null;
            /**
             * Format: date-time
             * @description Exact to a minute.
             */
            last_used_at: string | null;
            /** Format: date-time */
            revoked_at: string | null;
            /**
             * Format: uuid
             * @description The key that a rotation gave in its place.
             */
            replaced_by: string | null;
            /** Format: date-time */
            created_at: string;
        };
        ApiKeyPageDto: {
            data: components["schemas"]["ApiKeyDto"][];
            /** Format: uuid */
            next_cursor: string | null;
        };
        RotateApiKeyDto: {
            /**
             * @description How long the old key lives on; 0 revokes it at once.
             * @default 86400
             */
            overlap_seconds: number;
        };
        TokenRequestDto: {
            /**
             * @example client_credentials
             * @enum {string}
             */
            grant_type: "client_credentials";
            /**
             * Format: uuid
             * @description The API key's id. Left out where the client authenticates by HTTP Basic.
             * @example 0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f10
             */
            client_id?: string;
            /**
             * @description The API key. Left out where the client authenticates by HTTP Basic.
             * @example ph_…
             */
            client_secret?: string;
            /**
             * @description Separated by spaces, none that the key lacks; all of its scopes when left out.
             * @example events:write events:read
             */
            scope?: string;
        };
        AccessTokenDto: {
            /**
             * @description For `Authorization: Bearer`.
             * @example eyJhbGciOiJIUzI1NiJ9.….…
             */
            access_token: string;
            /**
             * @example Bearer
             * @enum {string}
             */
            token_type: "Bearer";
            /**
             * @description In seconds; less if the API key expires sooner.
             * @example 900
             */
            expires_in: number;
            /**
             * @description What it may do.
             * @example events:write events:read
             */
            scope: string;
        };
        /** @enum {string} */
        OAuthErrorCode: "invalid_request" | "invalid_client" | "unsupported_grant_type" | "invalid_scope";
        OAuthErrorDto: {
            /** @example invalid_client */
            error: components["schemas"]["OAuthErrorCode"];
            /**
             * @description For people; may change.
             * @example The client_id and client_secret are not those of a valid API key.
             */
            error_description: string;
        };
        /**
         * @description Made with what. The operator acts for a tenant by `X-Tenant-Id`, as with its key.
         * @enum {string}
         */
        CallerKind: "operator" | "api_key" | "portal";
        SessionTenantDto: {
            /** Format: uuid */
            id: string;
            /** @example Acme */
            name: string;
        };
        SessionDto: {
            /**
             * @description Made with what. The operator acts for a tenant by `X-Tenant-Id`, as with its key.
             * @example portal
             */
            kind: components["schemas"]["CallerKind"];
            /** @description Null: the operator's. */
            tenant: components["schemas"]["SessionTenantDto"] | null;
            /**
             * @example [
             *       "endpoints:read",
             *       "deliveries:read"
             *     ]
             */
            scopes: components["schemas"]["Scope"][];
            /**
             * Format: date-time
             * @description It ends sooner with the key behind it.
             */
            expires_at: string;
            /**
             * @description For the header `X-CSRF-Token` of every request by this session that is no GET.
             * @example q2Qb1mXv0xkq1Hq2C6oXn0m3c7Jp4p2W8l5gJmY4r9A
             */
            csrf_token: string;
        };
        /** @enum {string} */
        CircuitState: "closed" | "open" | "half_open";
        CircuitDto: {
            state: components["schemas"]["CircuitState"];
            /**
             * Format: date-time
             * @description Null while it is closed.
             */
            opened_at: string | null;
            /**
             * Format: date-time
             * @description Null unless it is open.
             */
            next_probe_at: string | null;
        };
        LatencyDto: {
            /** @example 42 */
            p50: number | null;
            /** @example 180 */
            p95: number | null;
            /** @example 640 */
            p99: number | null;
        };
        EndpointHealthPointDto: {
            /**
             * Format: date-time
             * @description When the hour begins.
             */
            at: string;
            /** @description Attempts. */
            succeeded: number;
            /** @description Attempts. */
            failed: number;
        };
        EndpointHealthDto: {
            /** Format: uuid */
            endpoint_id: string;
            circuit: components["schemas"]["CircuitDto"];
            /** @description Attempts that failed since the last one that succeeded. */
            consecutive_failures: number;
            /**
             * @description The share of attempts in the last hour that succeeded; null when there were none.
             * @example 0.995
             */
            success_rate: number | null;
            latency_ms: components["schemas"]["LatencyDto"];
            /** @description Deliveries that wait, are held or are under way now; counted up to 100000. */
            pending: number;
            /**
             * Format: date-time
             * @description Of an attempt, however long ago.
             */
            last_success_at: string | null;
            /**
             * Format: date-time
             * @description Of an attempt, however long ago.
             */
            last_failure_at: string | null;
            /** @description With `series=24h` alone: 24 hours, oldest first, without gaps; the last is still going on. */
            series?: components["schemas"]["EndpointHealthPointDto"][];
        };
        EndpointHealthPageDto: {
            data: components["schemas"]["EndpointHealthDto"][];
            /** Format: uuid */
            next_cursor: string | null;
        };
        CircuitTransitionDto: {
            state: components["schemas"]["CircuitState"];
            /** Format: date-time */
            at: string;
        };
        EndpointHealthDetailDto: {
            /** Format: uuid */
            endpoint_id: string;
            circuit: components["schemas"]["CircuitDto"];
            /** @description Attempts that failed since the last one that succeeded. */
            consecutive_failures: number;
            /**
             * @description The share of attempts in the last hour that succeeded; null when there were none.
             * @example 0.995
             */
            success_rate: number | null;
            latency_ms: components["schemas"]["LatencyDto"];
            /** @description Deliveries that wait, are held or are under way now; counted up to 100000. */
            pending: number;
            /**
             * Format: date-time
             * @description Of an attempt, however long ago.
             */
            last_success_at: string | null;
            /**
             * Format: date-time
             * @description Of an attempt, however long ago.
             */
            last_failure_at: string | null;
            /** @description With `series=24h` alone: 24 hours, oldest first, without gaps; the last is still going on. */
            series?: components["schemas"]["EndpointHealthPointDto"][];
            /** @description The circuit's last 20 changes, newest first. */
            history: components["schemas"]["CircuitTransitionDto"][];
        };
        /**
         * @description Standard Webhooks `v1` or `v1a` (ed25519), or `X-Webhook-Signature: sha256=<hex of HMAC-SHA256 over the body>`.
         * @enum {string}
         */
        SignatureScheme: "standard" | "standard-ed25519" | "sha256";
        /**
         * @description `envelope`: the event around the payload; `payload`: its text alone.
         * @enum {string}
         */
        BodyFormat: "envelope" | "payload";
        EndpointTlsRequestDto: {
            /**
             * @description PEM certificates that alone are trusted for this endpoint, instead of the usual authorities.
             * @example -----BEGIN CERTIFICATE-----
             *     …
             *     -----END CERTIFICATE-----
             */
            ca?: string | null;
            /**
             * @description PEM, shown to receivers that ask for a client certificate (mTLS): the certificate, then its chain.
             * @example -----BEGIN CERTIFICATE-----
             *     …
             *     -----END CERTIFICATE-----
             */
            client_cert?: string | null;
            /**
             * @description PEM, without a passphrase. Goes with `client_cert`; stored encrypted and never shown again.
             * @example -----BEGIN PRIVATE KEY-----
             *     …
             *     -----END PRIVATE KEY-----
             */
            client_key?: string | null;
        };
        CreateEndpointDto: {
            /** @example Orders to the warehouse */
            description?: string | null;
            /**
             * @description Exact types, or a prefix (`order.*`: one or more further segments). Empty: all.
             * @example [
             *       "order.*",
             *       "invoice.paid"
             *     ]
             */
            event_types?: string[];
            /**
             * @description Deliveries to an inactive endpoint wait until it is active again.
             * @default true
             */
            is_active: boolean;
            /**
             * @description Sent with each delivery, at most 50. Their values are never shown again.
             * @example {
             *       "x-token": "s3cr3t"
             *     }
             */
            headers?: {
                [key: string]: string;
            } | null;
            /** @description Attempts a second; null: no limit. */
            rate_limit?: number | null;
            /**
             * @description Of a whole attempt, in milliseconds.
             * @default 15000
             */
            timeout_ms: number;
            /**
             * @description One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or `{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and `retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).
             * @example {
             *       "preset": "standard"
             *     }
             */
            retry_policy?: {
                [key: string]: unknown;
            } | null;
            /**
             * @description Standard Webhooks `v1` or `v1a` (ed25519), or `X-Webhook-Signature: sha256=<hex of HMAC-SHA256 over the body>`.
             * @default standard
             */
            signature: components["schemas"]["SignatureScheme"];
            /**
             * @description `envelope`: the event around the payload; `payload`: its text alone.
             * @default envelope
             */
            format: components["schemas"]["BodyFormat"];
            /** @description Certificates of its own, for an `https` URL. A PATCH replaces all of them, null takes them away. Receivers are verified in any case. */
            tls?: components["schemas"]["EndpointTlsRequestDto"] | null;
            /**
             * @description http or https, on a public address, at most 2048 characters; no user info, no fragment.
             * @example https://hooks.example.com/orders
             */
            url: string;
            /**
             * @description `whsec_` and base64 of 24 to 64 bytes (`standard`), `whsk_` and base64 of 64 bytes (`standard-ed25519`), or 16 to 255 printable characters (`sha256`). Left out: one is made; a `sha256` endpoint then signs with the tenant's `secret_key`.
             * @example whsec_…
             */
            secret?: string;
        };
        EndpointTlsDto: {
            /**
             * @description PEM certificates that alone are trusted for this endpoint, instead of the usual authorities.
             * @example -----BEGIN CERTIFICATE-----
             *     …
             *     -----END CERTIFICATE-----
             */
            ca: string | null;
            /**
             * @description PEM, shown to receivers that ask for a client certificate (mTLS): the certificate, then its chain.
             * @example -----BEGIN CERTIFICATE-----
             *     …
             *     -----END CERTIFICATE-----
             */
            client_cert: string | null;
            /**
             * @description Masked where there is one.
             * @example ***
             */
            client_key: string | null;
            /**
             * Format: date-time
             * @example 2027-01-31T12:00:00.000Z
             */
            client_cert_expires_at: string | null;
        };
        CreatedEndpointDto: {
            /** Format: uuid */
            id: string;
            /**
             * @description http or https, on a public address, at most 2048 characters; no user info, no fragment.
             * @example https://hooks.example.com/orders
             */
            url: string;
            /** @example Orders to the warehouse */
            description: string | null;
            /**
             * @description Exact types, or a prefix (`order.*`: one or more further segments). Empty: all.
             * @example [
             *       "order.*",
             *       "invoice.paid"
             *     ]
             */
            event_types: string[];
            /**
             * @description Deliveries to an inactive endpoint wait until it is active again.
             * @default true
             */
            is_active: boolean;
            /**
             * @description The names; values are masked.
             * @example {
             *       "x-token": "***"
             *     }
             */
            headers: {
                [key: string]: string;
            };
            /** @description Attempts a second; null: no limit. */
            rate_limit: number | null;
            /**
             * @description Of a whole attempt, in milliseconds.
             * @default 15000
             */
            timeout_ms: number;
            /**
             * @description One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or `{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and `retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).
             * @example {
             *       "preset": "standard"
             *     }
             */
            retry_policy: {
                [key: string]: unknown;
            } | null;
            /**
             * @description Standard Webhooks `v1` or `v1a` (ed25519), or `X-Webhook-Signature: sha256=<hex of HMAC-SHA256 over the body>`.
             * @default standard
             */
            signature: components["schemas"]["SignatureScheme"];
            /**
             * @description `envelope`: the event around the payload; `payload`: its text alone.
             * @default envelope
             */
            format: components["schemas"]["BodyFormat"];
            /** @description Certificates of its own, for an `https` URL. A PATCH replaces all of them, null takes them away. Receivers are verified in any case. */
            tls: components["schemas"]["EndpointTlsDto"] | null;
            /** @description Why Posthaste disabled it; null while active or when a person did. */
            disabled_reason: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
            /**
             * @description What its deliveries are signed with; null: the tenant's `secret_key`.
             * @example whsec_…
             */
            secret: string | null;
        };
        EndpointDto: {
            /** Format: uuid */
            id: string;
            /**
             * @description http or https, on a public address, at most 2048 characters; no user info, no fragment.
             * @example https://hooks.example.com/orders
             */
            url: string;
            /** @example Orders to the warehouse */
            description: string | null;
            /**
             * @description Exact types, or a prefix (`order.*`: one or more further segments). Empty: all.
             * @example [
             *       "order.*",
             *       "invoice.paid"
             *     ]
             */
            event_types: string[];
            /**
             * @description Deliveries to an inactive endpoint wait until it is active again.
             * @default true
             */
            is_active: boolean;
            /**
             * @description The names; values are masked.
             * @example {
             *       "x-token": "***"
             *     }
             */
            headers: {
                [key: string]: string;
            };
            /** @description Attempts a second; null: no limit. */
            rate_limit: number | null;
            /**
             * @description Of a whole attempt, in milliseconds.
             * @default 15000
             */
            timeout_ms: number;
            /**
             * @description One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or `{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and `retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).
             * @example {
             *       "preset": "standard"
             *     }
             */
            retry_policy: {
                [key: string]: unknown;
            } | null;
            /**
             * @description Standard Webhooks `v1` or `v1a` (ed25519), or `X-Webhook-Signature: sha256=<hex of HMAC-SHA256 over the body>`.
             * @default standard
             */
            signature: components["schemas"]["SignatureScheme"];
            /**
             * @description `envelope`: the event around the payload; `payload`: its text alone.
             * @default envelope
             */
            format: components["schemas"]["BodyFormat"];
            /** @description Certificates of its own, for an `https` URL. A PATCH replaces all of them, null takes them away. Receivers are verified in any case. */
            tls: components["schemas"]["EndpointTlsDto"] | null;
            /** @description Why Posthaste disabled it; null while active or when a person did. */
            disabled_reason: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        EndpointPageDto: {
            data: components["schemas"]["EndpointDto"][];
            /** Format: uuid */
            next_cursor: string | null;
        };
        UpdateEndpointDto: {
            /** @example Orders to the warehouse */
            description?: string | null;
            /**
             * @description Exact types, or a prefix (`order.*`: one or more further segments). Empty: all.
             * @example [
             *       "order.*",
             *       "invoice.paid"
             *     ]
             */
            event_types?: string[];
            /**
             * @description Deliveries to an inactive endpoint wait until it is active again.
             * @default true
             */
            is_active: boolean;
            /**
             * @description Sent with each delivery, at most 50. Their values are never shown again.
             * @example {
             *       "x-token": "s3cr3t"
             *     }
             */
            headers?: {
                [key: string]: string;
            } | null;
            /** @description Attempts a second; null: no limit. */
            rate_limit?: number | null;
            /**
             * @description Of a whole attempt, in milliseconds.
             * @default 15000
             */
            timeout_ms: number;
            /**
             * @description One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or `{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and `retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).
             * @example {
             *       "preset": "standard"
             *     }
             */
            retry_policy?: {
                [key: string]: unknown;
            } | null;
            /**
             * @description Standard Webhooks `v1` or `v1a` (ed25519), or `X-Webhook-Signature: sha256=<hex of HMAC-SHA256 over the body>`.
             * @default standard
             */
            signature: components["schemas"]["SignatureScheme"];
            /**
             * @description `envelope`: the event around the payload; `payload`: its text alone.
             * @default envelope
             */
            format: components["schemas"]["BodyFormat"];
            /** @description Certificates of its own, for an `https` URL. A PATCH replaces all of them, null takes them away. Receivers are verified in any case. */
            tls?: components["schemas"]["EndpointTlsRequestDto"] | null;
            /**
             * @description http or https, on a public address, at most 2048 characters; no user info, no fragment.
             * @example https://hooks.example.com/orders
             */
            url?: string;
            /**
             * @description Only together with another `signature`: the secret for it. `whsec_` and base64 of 24 to 64 bytes (`standard`), `whsk_` and base64 of 64 bytes (`standard-ed25519`), or 16 to 255 printable characters (`sha256`). Rotate a secret to replace it.
             * @example whsec_…
             */
            secret?: string;
        };
        UpdatedEndpointDto: {
            /** Format: uuid */
            id: string;
            /**
             * @description http or https, on a public address, at most 2048 characters; no user info, no fragment.
             * @example https://hooks.example.com/orders
             */
            url: string;
            /** @example Orders to the warehouse */
            description: string | null;
            /**
             * @description Exact types, or a prefix (`order.*`: one or more further segments). Empty: all.
             * @example [
             *       "order.*",
             *       "invoice.paid"
             *     ]
             */
            event_types: string[];
            /**
             * @description Deliveries to an inactive endpoint wait until it is active again.
             * @default true
             */
            is_active: boolean;
            /**
             * @description The names; values are masked.
             * @example {
             *       "x-token": "***"
             *     }
             */
            headers: {
                [key: string]: string;
            };
            /** @description Attempts a second; null: no limit. */
            rate_limit: number | null;
            /**
             * @description Of a whole attempt, in milliseconds.
             * @default 15000
             */
            timeout_ms: number;
            /**
             * @description One of `{preset: "quick" | "standard" | "long"}`, `{max_attempts, schedule_seconds}` or `{max_attempts, initial_seconds, factor, max_seconds}`, each with `jitter?` (0 to 1, default 0.25) and `retry_on?` (`any` or `transient`). Null: the next one up applies (endpoint, tenant, installation).
             * @example {
             *       "preset": "standard"
             *     }
             */
            retry_policy: {
                [key: string]: unknown;
            } | null;
            /**
             * @description Standard Webhooks `v1` or `v1a` (ed25519), or `X-Webhook-Signature: sha256=<hex of HMAC-SHA256 over the body>`.
             * @default standard
             */
            signature: components["schemas"]["SignatureScheme"];
            /**
             * @description `envelope`: the event around the payload; `payload`: its text alone.
             * @default envelope
             */
            format: components["schemas"]["BodyFormat"];
            /** @description Certificates of its own, for an `https` URL. A PATCH replaces all of them, null takes them away. Receivers are verified in any case. */
            tls: components["schemas"]["EndpointTlsDto"] | null;
            /** @description Why Posthaste disabled it; null while active or when a person did. */
            disabled_reason: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
            /**
             * @description Only when another `signature` needed a new secret.
             * @example whsk_…
             */
            secret?: string;
        };
        EndpointSecretDto: {
            /** @example whsec_… */
            secret: string;
            /**
             * @description For `standard-ed25519`: what receivers verify with.
             * @example null
             */
            public_key: string | null;
        };
        RotateSecretDto: {
            /**
             * @description `whsec_` and base64 of 24 to 64 bytes (`standard`), `whsk_` and base64 of 64 bytes (`standard-ed25519`), or 16 to 255 printable characters (`sha256`). Left out: one is made.
             * @example whsec_…
             */
            secret?: string;
            /**
             * @description How long deliveries are signed with the old secret as well.
             * @default 86400
             */
            overlap_seconds: number;
        };
        /** @enum {string} */
        AttemptOutcome: "succeeded" | "failed";
        AttemptRequestDto: {
            /** @example https://hooks.example.com/orders */
            url: string;
            /** @description As sent; the endpoint's own values are masked. */
            headers: {
                [key: string]: string;
            };
            /** @description As sent; null when the event is no longer kept. */
            body: string | null;
        };
        AttemptResponseDto: {
            /** @description Empty when no response came. */
            headers: {
                [key: string]: string | string[];
            };
            /** @description The first 16 KiB; null when no response came. */
            body: string | null;
            /** @description Whether the body went on. */
            truncated: boolean;
        };
        AttemptDto: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            delivery_id: string;
            /** @description Counted from 1. */
            attempt: number;
            outcome: components["schemas"]["AttemptOutcome"];
            /**
             * @description Null when no response came.
             * @example 200
             */
            status_code: number | null;
            /**
             * @description Null when it succeeded.
             * @example HTTP 500
             */
            error: string | null;
            request: components["schemas"]["AttemptRequestDto"];
            response: components["schemas"]["AttemptResponseDto"];
            duration_ms: number;
            /**
             * Format: date-time
             * @description When the attempt began.
             */
            created_at: string;
        };
        PublishEventDto: {
            /** @example order.created */
            event_type: string;
            /**
             * @description Any JSON value, at most 256 KiB and 512 levels deep. Delivered byte for byte.
             * @example {
             *       "order": 42,
             *       "total": "19.90"
             *     }
             */
            payload: {
                [key: string]: unknown;
            } | unknown[] | string | number | boolean | null;
            /**
             * @description Your own id for the event, unique in the tenant for 24 hours: posting it again delivers nothing twice.
             * @example order-42-created
             */
            event_id?: string;
            /**
             * @description Which of your systems it comes from.
             * @example shop
             */
            source?: string;
            /**
             * @description Only to these endpoints, whatever types they want. Absent: to every active one that wants the type.
             * @example [
             *       "0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f10"
             *     ]
             */
            endpoint_ids?: string[];
        };
        PublishAnswerDto: {
            /**
             * Format: uuid
             * @description Our id; receivers see it as `webhook-id`.
             * @example 0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f11
             */
            id: string;
            /** @example order-42-created */
            event_id: string | null;
            /** @example order.created */
            event_type: string;
            /** @enum {string} */
            status: "accepted";
            /**
             * @description How many endpoints get it.
             * @example 2
             */
            deliveries: number;
            /**
             * @description It was posted before under this key; this is the first answer.
             * @example false
             */
            duplicate: boolean;
            /**
             * Format: date-time
             * @example 2026-01-31T12:00:00.000Z
             */
            created_at: string;
        };
        PublishBatchDto: {
            events: components["schemas"]["PublishEventDto"][];
        };
        BatchResultDto: {
            /** @example 0 */
            index: number;
            /** @enum {string} */
            status: "accepted" | "duplicate" | "rejected";
            /**
             * Format: uuid
             * @example 0199e0f0-5a7c-7b52-8a51-0c2a5d3e7f11
             */
            id?: string;
            /** @description Why it was rejected. */
            error?: components["schemas"]["ProblemDto"];
        };
        BatchAnswerDto: {
            /** @example 1 */
            accepted: number;
            /** @example 0 */
            duplicates: number;
            /** @example 0 */
            rejected: number;
            results: components["schemas"]["BatchResultDto"][];
        };
        EventSummaryDto: {
            /** Format: uuid */
            id: string;
            /**
             * @description The tenant's own id.
             * @example order-1001-created
             */
            event_id: string | null;
            /** @example order.created */
            event_type: string;
            /** @example shop */
            source: string | null;
            /** Format: date-time */
            created_at: string;
        };
        EventPageDto: {
            data: components["schemas"]["EventSummaryDto"][];
            /** Format: uuid */
            next_cursor: string | null;
        };
        /** @enum {string} */
        DeliveryStatus: "pending" | "succeeded" | "dead_letter" | "cancelled";
        EventDeliveryDto: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            endpoint_id: string;
            status: components["schemas"]["DeliveryStatus"];
            /** @description Attempts made. */
            attempts: number;
        };
        EventDto: {
            /** Format: uuid */
            id: string;
            /**
             * @description The tenant's own id.
             * @example order-1001-created
             */
            event_id: string | null;
            /** @example order.created */
            event_type: string;
            /** @example shop */
            source: string | null;
            /** Format: date-time */
            created_at: string;
            /**
             * @description Any JSON value, byte for byte as it was published.
             * @example {
             *       "order": 1001,
             *       "total": 1.5
             *     }
             */
            payload: ({
                [key: string]: unknown;
            } | unknown[] | string | number | boolean) | null;
            /** @description The first 1,000, oldest first. */
            deliveries: components["schemas"]["EventDeliveryDto"][];
        };
        ReplayEventDto: {
            /** @description Where to; left out: every active endpoint that wants its type. */
            endpoint_ids?: string[];
        };
        ReplayedEventDto: {
            /** Format: uuid */
            id: string;
            event_id: string | null;
            /** @example order.created */
            event_type: string;
            /** @description The fresh ones. */
            deliveries: components["schemas"]["EventDeliveryDto"][];
        };
        /**
         * @description What else it waits for.
         * @enum {string}
         */
        HoldReason: "circuit" | "rate_limit" | "disabled" | "suspended" | "fairness";
        DeliveryDto: {
            /** Format: uuid */
            id: string;
            /**
             * Format: uuid
             * @description Our id of the event.
             */
            event_id: string;
            /** @example order.created */
            event_type: string;
            /** Format: uuid */
            endpoint_id: string;
            status: components["schemas"]["DeliveryStatus"];
            /** @description Attempts made. */
            attempts: number;
            max_attempts: number;
            /**
             * Format: date-time
             * @description Null unless it waits for a time.
             */
            next_attempt_at: string | null;
            /** @description What else it waits for. */
            held_by: components["schemas"]["HoldReason"] | null;
            /** @example 503 */
            last_status_code: number | null;
            /** @example HTTP 500 */
            last_error: string | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            completed_at: string | null;
        };
        DeliveryPageDto: {
            data: components["schemas"]["DeliveryDto"][];
            /** Format: uuid */
            next_cursor: string | null;
        };
        AttemptPageDto: {
            data: components["schemas"]["AttemptDto"][];
            /** Format: uuid */
            next_cursor: string | null;
        };
        /** @enum {string} */
        DeadLetterReason: "attempts_exhausted" | "gone" | "endpoint_disabled" | "address_refused" | "expired";
        /**
         * @description `retried`: the event arrived by another attempt; `resolved`: a person said that it is dealt with.
         * @enum {string}
         */
        DeadLetterResolution: "retried" | "resolved";
        DeadLetterSummaryDto: {
            /** Format: uuid */
            id: string;
            /**
             * Format: uuid
             * @description The last of its deliveries that died.
             */
            delivery_id: string;
            /**
             * Format: uuid
             * @description Our id of the event.
             */
            event_id: string;
            /** @example order.created */
            event_type: string;
            /** Format: uuid */
            endpoint_id: string;
            reason: components["schemas"]["DeadLetterReason"];
            attempts: number;
            /** @example 503 */
            last_status_code: number | null;
            /** @example HTTP 500 */
            last_error: string | null;
            /** Format: date-time */
            resolved_at: string | null;
            /** @description `retried`: the event arrived by another attempt; `resolved`: a person said that it is dealt with. */
            resolution: components["schemas"]["DeadLetterResolution"] | null;
            /** Format: date-time */
            created_at: string;
        };
        DeadLetterPageDto: {
            data: components["schemas"]["DeadLetterSummaryDto"][];
            /** Format: uuid */
            next_cursor: string | null;
        };
        DeadLetterFilterDto: {
            /** Format: uuid */
            endpoint_id?: string;
            /** @example order.created */
            event_type?: string;
            /** @enum {string} */
            reason?: "attempts_exhausted" | "gone" | "endpoint_disabled" | "address_refused" | "expired";
            /**
             * Format: date-time
             * @description Made at this time or later.
             */
            after?: string;
            /**
             * Format: date-time
             * @description Made before this time; default and at most: now.
             */
            before?: string;
        };
        ResolvedDeadLettersDto: {
            resolved: number;
            /** @description Whether the filter may match more, which take another request. */
            has_more: boolean;
        };
        DeadLetterDto: {
            /** Format: uuid */
            id: string;
            /**
             * Format: uuid
             * @description The last of its deliveries that died.
             */
            delivery_id: string;
            /**
             * Format: uuid
             * @description Our id of the event.
             */
            event_id: string;
            /** @example order.created */
            event_type: string;
            /** Format: uuid */
            endpoint_id: string;
            reason: components["schemas"]["DeadLetterReason"];
            attempts: number;
            /** @example 503 */
            last_status_code: number | null;
            /** @example HTTP 500 */
            last_error: string | null;
            /** Format: date-time */
            resolved_at: string | null;
            /** @description `retried`: the event arrived by another attempt; `resolved`: a person said that it is dealt with. */
            resolution: components["schemas"]["DeadLetterResolution"] | null;
            /** Format: date-time */
            created_at: string;
            /**
             * @description Any JSON value, byte for byte as it was published.
             * @example {
             *       "order": 1001,
             *       "total": 1.5
             *     }
             */
            payload: ({
                [key: string]: unknown;
            } | unknown[] | string | number | boolean) | null;
        };
        ReplayEndpointDto: {
            /**
             * Format: date-time
             * @description Made at this time or later. What is past its retention is gone.
             */
            since: string;
            /**
             * Format: date-time
             * @description Made before this time; default and at most: now.
             */
            until?: string;
            /**
             * @description Which of its deliveries made in that time it gets again, an event once however many of them it had.
             *     `dead_letter`: those whose dead letter is unresolved; these resolve when the fresh delivery succeeds.
             *     `missing`: events of a type it wants that it never got a delivery for, whenever the endpoint was made; the service's own
             *     (`posthaste.*`) left out. Left out: every event of a type it wants, delivered or not.
             * @enum {string}
             */
            status?: "succeeded" | "dead_letter" | "cancelled" | "missing";
        };
        /**
         * @description `completed`: all that was found is dealt with; `failed`: it ended early, `error` says why.
         * @enum {string}
         */
        ReplayStatus: "running" | "completed" | "failed";
        ReplayDto: {
            /** Format: uuid */
            id: string;
            /** @description `completed`: all that was found is dealt with; `failed`: it ended early, `error` says why. */
            status: components["schemas"]["ReplayStatus"];
            /** @description Items (events, or dead letters) found when it was asked for. */
            total: number;
            /** @description Fresh deliveries made. With `failed` it may stay below `total`: what was settled otherwise meanwhile is no item any more. */
            done: number;
            /** @description Items that could not be replayed: the endpoint is deleted or disabled, the payload is past its retention, or a retry of the dead letter is still under way. */
            failed: number;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            finished_at: string | null;
            /** @example The endpoint was deleted. */
            error: string | null;
        };
        DeliveryStatsDto: {
            /** @description Now, whatever the window; counted up to 100000. */
            pending: number;
            /** @description That ended so within the window, whenever they were made. */
            succeeded: number;
            /** @description The same. */
            dead_letter: number;
            /** @description The same. */
            cancelled: number;
        };
        AttemptStatsDto: {
            succeeded: number;
            failed: number;
        };
        StatsPointDto: {
            /**
             * Format: date-time
             * @description When the step begins.
             */
            at: string;
            /** @description Accepted. */
            events: number;
            /** @description What these events were fanned out to. */
            deliveries: number;
            /** @description Attempts. */
            succeeded: number;
            /** @description Attempts. */
            failed: number;
        };
        StatsDto: {
            /** @enum {string} */
            window: "1h" | "24h" | "7d";
            /**
             * Format: date-time
             * @description When the first step of the series begins.
             */
            since: string;
            /** @description Accepted. */
            events: number;
            deliveries: components["schemas"]["DeliveryStatsDto"];
            attempts: components["schemas"]["AttemptStatsDto"];
            /**
             * @description The share of attempts that succeeded; null when there were none.
             * @example 0.995
             */
            success_rate: number | null;
            latency_ms: components["schemas"]["LatencyDto"];
            /** @description Steps of a minute (`1h`), 15 minutes (`24h`) or 2 hours (`7d`), oldest first, without gaps; the last is still going on. */
            series: components["schemas"]["StatsPointDto"][];
        };
        StreamedAttemptDto: {
            /** Format: uuid */
            id: string;
            /** Format: uuid */
            delivery_id: string;
            /**
             * Format: uuid
             * @description Our id of the event.
             */
            event_id: string;
            /** @example order.created */
            event_type: string;
            /** Format: uuid */
            endpoint_id: string;
            /** @description Counted from 1. */
            attempt: number;
            outcome: components["schemas"]["AttemptOutcome"];
            /**
             * @description Null when no response came.
             * @example 500
             */
            status_code: number | null;
            /**
             * @description Null when it succeeded.
             * @example HTTP 500
             */
            error: string | null;
            duration_ms: number;
            /**
             * Format: date-time
             * @description When the attempt began, by the database's clock.
             */
            at: string;
            /** @description What became of the delivery; null when that was decided by another. */
            delivery_status: components["schemas"]["DeliveryStatus"] | null;
        };
        StreamSampleDto: {
            /** @description How many more attempts there were. */
            skipped: number;
        };
        QueueDepthsDto: {
            /**
             * @description A job holds up to 16 deliveries.
             * @example 3
             */
            waiting: number;
            /** @example 2 */
            active: number;
            /**
             * @description The last 1,000 at most.
             * @example 0
             */
            failed: number;
        };
        HeldDto: {
            /** @example 40 */
            circuit: number;
            /** @example 0 */
            rate_limit: number;
            /** @example 0 */
            disabled: number;
            /** @example 0 */
            suspended: number;
            /** @example 12 */
            fairness: number;
        };
        PendingDto: {
            /**
             * @description Due, and not in the queue yet.
             * @example 0
             */
            due: number;
            /**
             * @description Waiting for the time of their next attempt.
             * @example 7
             */
            scheduled: number;
            /**
             * @description In the queue or under way.
             * @example 5
             */
            leased: number;
            /** @description Waiting for something other than a time, by what it is. */
            held: components["schemas"]["HeldDto"];
            /**
             * Format: date-time
             * @description Since when the oldest of the due ones is.
             * @example null
             */
            oldest_due_at: string | null;
        };
        WorkerProcessDto: {
            /**
             * Format: uuid
             * @example 019aa5c2-7d7e-7cc4-9a3d-0f6a8c1f2b44
             */
            id: string;
            /** @example worker-1 */
            host: string;
            /** @example 41 */
            pid: number;
            /** @example 0.1.0 */
            version: string;
            /**
             * Format: date-time
             * @example 2025-11-21T09:00:00.000Z
             */
            started_at: string;
            /**
             * Format: date-time
             * @example 2025-11-21T09:30:00.000Z
             */
            last_seen_at: string;
            /**
             * @description Seen within the last 16 seconds.
             * @example true
             */
            alive: boolean;
        };
        SystemDto: {
            /**
             * @description Of the API that answers.
             * @example 0.1.0
             */
            version: string;
            /**
             * @description What the queue runs on.
             * @example redis
             * @enum {string}
             */
            backend: "redis" | "postgres";
            /** @description Null while the queue's store is away. */
            queue: components["schemas"]["QueueDepthsDto"] | null;
            /** @description Counts end at 10000. */
            deliveries: components["schemas"]["PendingDto"];
            workers: components["schemas"]["WorkerProcessDto"][];
        };
        DemoDto: {
            /**
             * Format: uuid
             * @example 019aa5c2-7d7e-7cc4-9a3d-0f6a8c1f2b44
             */
            tenant_id: string;
            /**
             * Format: date-time
             * @description Events are posted until then.
             */
            until: string;
        };
        /** @enum {string} */
        ActorKind: "operator" | "api_key" | "portal" | "system";
        AuditActorDto: {
            /** @example api_key */
            kind: components["schemas"]["ActorKind"];
            /**
             * Format: uuid
             * @description Of the API key or portal link; null for the operator and for Posthaste itself (`system`).
             */
            id: string | null;
        };
        /** @enum {string} */
        AuditAction: "tenant.created" | "tenant.updated" | "tenant.suspended" | "tenant.deleted" | "api_key.created" | "api_key.rotated" | "api_key.revoked" | "endpoint.created" | "endpoint.updated" | "endpoint.deleted" | "endpoint.tested" | "endpoint.secret_rotated" | "endpoint.secret_read" | "endpoint.replayed" | "endpoint.disabled" | "event.replayed" | "delivery.retried" | "delivery.cancelled" | "dead_letter.retried" | "dead_letter.resolved" | "dead_letter.bulk_retried" | "portal_link.created" | "session.created";
        AuditSubjectDto: {
            /** @example endpoint */
            kind: string;
            /** Format: uuid */
            id: string;
        };
        AuditChangeDto: {
            /** @example rate_limit */
            field: string;
            /**
             * @description Left out for secrets, and for what had no value before.
             * @example 10
             */
            old?: string | number | boolean | Record<string, never> | unknown[] | null;
            /**
             * @description Left out for secrets.
             * @example 20
             */
            new?: string | number | boolean | Record<string, never> | unknown[] | null;
        };
        AuditEntryDto: {
            /** Format: uuid */
            id: string;
            /** Format: date-time */
            at: string;
            actor: components["schemas"]["AuditActorDto"];
            /** Format: uuid */
            tenant_id: string | null;
            /** @example endpoint.updated */
            action: components["schemas"]["AuditAction"];
            subject: components["schemas"]["AuditSubjectDto"];
            /** @description `X-Request-Id` of the request. */
            request_id: string | null;
            /**
             * @description Null for Posthaste itself, and to tenants for the operator's actions.
             * @example 203.0.113.7
             */
            ip: string | null;
            /**
             * @description As `ip`.
             * @example curl/8.5.0
             */
            user_agent: string | null;
            /** @description What it changed, or its facts. Of a URL only the origin; of headers only their names. */
            changes: components["schemas"]["AuditChangeDto"][];
        };
        AuditPageDto: {
            data: components["schemas"]["AuditEntryDto"][];
            /** Format: uuid */
            next_cursor: string | null;
        };
        ReadinessChecksDto: {
            /** @enum {string} */
            postgres: "up" | "down";
            /** @enum {string} */
            migrations: "up" | "pending" | "unknown";
            /**
             * @description `off`: not used.
             * @enum {string}
             */
            redis: "up" | "down" | "off";
            /** @description It is stopping. */
            shutdown: boolean;
        };
        ReadinessDto: {
            /** @enum {string} */
            status: "ready" | "degraded" | "unavailable";
            checks: components["schemas"]["ReadinessChecksDto"];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listTenants: {
        parameters: {
            query?: {
                /** @description Items on a page. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantPageDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Forbidden: `urn:posthaste:problem:forbidden` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Validation failed: `urn:posthaste:problem:validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    createTenant: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateTenantDto"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedTenantDto"];
                };
            };
            /** @description Malformed request: `urn:posthaste:problem:malformed_request` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Forbidden: `urn:posthaste:problem:forbidden` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Validation failed: `urn:posthaste:problem:validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getTenant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Forbidden: `urn:posthaste:problem:forbidden` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Not found: `urn:posthaste:problem:not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    deleteTenant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Forbidden: `urn:posthaste:problem:forbidden` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Not found: `urn:posthaste:problem:not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    updateTenant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateTenantDto"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantDto"];
                };
            };
            /** @description Malformed request: `urn:posthaste:problem:malformed_request` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Forbidden: `urn:posthaste:problem:forbidden` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Not found: `urn:posthaste:problem:not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Validation failed: `urn:posthaste:problem:validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    createPortalLink: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreatePortalLinkDto"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PortalLinkDto"];
                };
            };
            /**
             * @description Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Missing scope: `urn:posthaste:problem:missing_scope` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    listApiKeys: {
        parameters: {
            query?: {
                /** @description Items on a page. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyPageDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Validation failed: `urn:posthaste:problem:validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    createApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateApiKeyDto"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedApiKeyDto"];
                };
            };
            /** @description Malformed request: `urn:posthaste:problem:malformed_request` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Validation failed: `urn:posthaste:problem:validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    rotateApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RotateApiKeyDto"];
            };
        };
        responses: {
            /** @description The new key. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedApiKeyDto"];
                };
            };
            /** @description Malformed request: `urn:posthaste:problem:malformed_request` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Not found: `urn:posthaste:problem:not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Conflict: `urn:posthaste:problem:conflict` */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Validation failed: `urn:posthaste:problem:validation_failed` */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    revokeApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Not found: `urn:posthaste:problem:not_found` */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    issueAccessToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/x-www-form-urlencoded": components["schemas"]["TokenRequestDto"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessTokenDto"];
                };
            };
            /** @description `invalid_request`, `unsupported_grant_type` or `invalid_scope`. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OAuthErrorDto"];
                };
            };
            /** @description `invalid_client`. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OAuthErrorDto"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    beginSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            201: {
                headers: {
                    /** @description HttpOnly, SameSite=Strict. */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SessionDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Forbidden: `urn:posthaste:problem:forbidden`; Cross-site request: `urn:posthaste:problem:csrf`
             *
             *     Forbidden: `urn:posthaste:problem:forbidden`; Cross-site request: `urn:posthaste:problem:csrf`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header: {
                /** @description The session's `csrf_token`. */
                "X-CSRF-Token": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Cross-site request: `urn:posthaste:problem:csrf`
             *
             *     Cross-site request: `urn:posthaste:problem:csrf`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    listEndpointHealth: {
        parameters: {
            query?: {
                /** @description Items on a page. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Adds the attempts of each hour. It reads a day of counts for each endpoint: for a look, not for every second. */
                series?: "24h";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointHealthPageDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getEndpointHealth: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointHealthDetailDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    listEndpoints: {
        parameters: {
            query?: {
                /** @description Items on a page. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointPageDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    createEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CreateEndpointDto"];
            };
        };
        responses: {
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedEndpointDto"];
                };
            };
            /**
             * @description Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`; Tenant required: `urn:posthaste:problem:tenant_required`
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    deleteEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    updateEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateEndpointDto"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UpdatedEndpointDto"];
                };
            };
            /**
             * @description Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`; Tenant required: `urn:posthaste:problem:tenant_required`
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getEndpointSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointSecretDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    rotateEndpointSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RotateSecretDto"];
            };
        };
        responses: {
            /** @description The new secret. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EndpointSecretDto"];
                };
            };
            /**
             * @description Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`; Tenant required: `urn:posthaste:problem:tenant_required`
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    testEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The attempt, whatever the endpoint answered. It is not stored. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AttemptDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Items on a page. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Made at this time or later. */
                after?: string;
                /** @description Made before this time. */
                before?: string;
                event_type?: string;
                /** @description The tenant's own id. */
                event_id?: string;
                source?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventPageDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    publishEvent: {
        parameters: {
            query?: never;
            header?: {
                /** @description `sha256=` and the hex HMAC-SHA256 of the body as sent, with the tenant's `secret_key`; for tenants with `require_signed_publish`. */
                "X-Signature"?: string;
                /** @description Unique in the tenant for 24 hours; at most 255 characters. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PublishEventDto"];
            };
        };
        responses: {
            /** @description Committed; deliveries are on their way. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PublishAnswerDto"];
                };
            };
            /**
             * @description Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`; Tenant required: `urn:posthaste:problem:tenant_required`
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Signature required: `urn:posthaste:problem:signature_required`; Invalid signature: `urn:posthaste:problem:invalid_signature`
             *
             *     Signature required: `urn:posthaste:problem:signature_required`; Invalid signature: `urn:posthaste:problem:invalid_signature`; Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Signature required: `urn:posthaste:problem:signature_required`; Invalid signature: `urn:posthaste:problem:invalid_signature`; Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Tenant suspended: `urn:posthaste:problem:tenant_suspended`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Payload too large: `urn:posthaste:problem:payload_too_large`
             *
             *     Payload too large: `urn:posthaste:problem:payload_too_large`
             *
             *     Payload too large: `urn:posthaste:problem:payload_too_large`
             */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unsupported media type: `urn:posthaste:problem:unsupported_media_type`
             *
             *     Unsupported media type: `urn:posthaste:problem:unsupported_media_type`
             *
             *     Unsupported media type: `urn:posthaste:problem:unsupported_media_type`
             */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`; Idempotency conflict: `urn:posthaste:problem:idempotency_conflict`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`; Idempotency conflict: `urn:posthaste:problem:idempotency_conflict`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`; Idempotency conflict: `urn:posthaste:problem:idempotency_conflict`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Too many requests: `urn:posthaste:problem:rate_limited`
             *
             *     Too many requests: `urn:posthaste:problem:rate_limited`
             *
             *     Too many requests: `urn:posthaste:problem:rate_limited`
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Service unavailable: `urn:posthaste:problem:unavailable`
             *
             *     Service unavailable: `urn:posthaste:problem:unavailable`
             *
             *     Service unavailable: `urn:posthaste:problem:unavailable`
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    publishEventBatch: {
        parameters: {
            query?: never;
            header?: {
                /** @description `sha256=` and the hex HMAC-SHA256 of the body as sent, with the tenant's `secret_key`; for tenants with `require_signed_publish`. */
                "X-Signature"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PublishBatchDto"];
            };
        };
        responses: {
            /** @description What became of each event. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchAnswerDto"];
                };
            };
            /**
             * @description Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`; Tenant required: `urn:posthaste:problem:tenant_required`
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Signature required: `urn:posthaste:problem:signature_required`; Invalid signature: `urn:posthaste:problem:invalid_signature`
             *
             *     Signature required: `urn:posthaste:problem:signature_required`; Invalid signature: `urn:posthaste:problem:invalid_signature`; Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Signature required: `urn:posthaste:problem:signature_required`; Invalid signature: `urn:posthaste:problem:invalid_signature`; Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Tenant suspended: `urn:posthaste:problem:tenant_suspended`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Payload too large: `urn:posthaste:problem:payload_too_large`
             *
             *     Payload too large: `urn:posthaste:problem:payload_too_large`
             *
             *     Payload too large: `urn:posthaste:problem:payload_too_large`
             */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unsupported media type: `urn:posthaste:problem:unsupported_media_type`
             *
             *     Unsupported media type: `urn:posthaste:problem:unsupported_media_type`
             *
             *     Unsupported media type: `urn:posthaste:problem:unsupported_media_type`
             */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Service unavailable: `urn:posthaste:problem:unavailable`
             *
             *     Service unavailable: `urn:posthaste:problem:unavailable`
             *
             *     Service unavailable: `urn:posthaste:problem:unavailable`
             */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getEvent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    replayEvent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplayEventDto"];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayedEventDto"];
                };
            };
            /**
             * @description Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`; Tenant required: `urn:posthaste:problem:tenant_required`
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Tenant suspended: `urn:posthaste:problem:tenant_suspended`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    listDeliveries: {
        parameters: {
            query?: {
                /** @description Items on a page. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Made at this time or later. */
                after?: string;
                /** @description Made before this time. */
                before?: string;
                /** @description Our id of the event, or the tenant's own. */
                event_id?: string;
                endpoint_id?: string;
                status?: "pending" | "succeeded" | "dead_letter" | "cancelled";
                event_type?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryPageDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    listAttempts: {
        parameters: {
            query?: {
                /** @description Items on a page. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AttemptPageDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    retryDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    cancelDelivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    listDeadLetters: {
        parameters: {
            query?: {
                /** @description Items on a page. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Made at this time or later. */
                after?: string;
                /** @description Made before this time. */
                before?: string;
                endpoint_id?: string;
                event_type?: string;
                reason?: "attempts_exhausted" | "gone" | "endpoint_disabled" | "address_refused" | "expired";
                /** @description Only those that are (`true`) or are not (`false`) resolved. */
                resolved?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetterPageDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    resolveDeadLetters: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeadLetterFilterDto"];
            };
        };
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ResolvedDeadLettersDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getDeadLetter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetterDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    retryDeadLetter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The fresh delivery. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeliveryDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    resolveDeadLetter: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeadLetterDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    replayEndpoint: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplayEndpointDto"];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayDto"];
                };
            };
            /**
             * @description Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`; Tenant required: `urn:posthaste:problem:tenant_required`
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Tenant suspended: `urn:posthaste:problem:tenant_suspended`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    retryDeadLetters: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeadLetterFilterDto"];
            };
        };
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayDto"];
                };
            };
            /**
             * @description Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`
             *
             *     Malformed request: `urn:posthaste:problem:malformed_request`; Tenant required: `urn:posthaste:problem:tenant_required`
             */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Tenant suspended: `urn:posthaste:problem:tenant_suspended`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Tenant suspended: `urn:posthaste:problem:tenant_suspended`; Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             *
             *     Conflict: `urn:posthaste:problem:conflict`
             */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getReplay: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReplayDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getStats: {
        parameters: {
            query?: {
                window?: "1h" | "24h" | "7d";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StatsDto"];
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    streamAttempts: {
        parameters: {
            query?: never;
            header?: {
                /** @description The last attempt seen; sent by browsers. */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Goes on until one side ends it, or the key or session ends. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example retry: 2000
                     *
                     *     id: 019aa5c2-7d7e-7cc4-9a3d-0f6a8c1f2b44
                     *     event: attempt
                     *     data: {"id":"019aa5c2-7d7e-7cc4-9a3d-0f6a8c1f2b44","delivery_id":"019aa5c2-7d11-7d0e-b4a6-5f6c7d8e9f00","event_id":"019aa5c2-7d10-7a11-8c55-3d2e1f0a9b88","event_type":"order.created","endpoint_id":"019aa5bf-1f2e-7b3c-9d4e-5f6a7b8c9d0e","attempt":2,"outcome":"failed","status_code":500,"error":"HTTP 500","duration_ms":41,"at":"2025-11-21T09:30:00.000Z","delivery_status":"pending"}
                     */
                    "text/event-stream": string;
                };
            };
            /** @description Tenant required: `urn:posthaste:problem:tenant_required` */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Unauthorized: `urn:posthaste:problem:unauthorized`
             *
             *     Unauthorized: `urn:posthaste:problem:unauthorized`
             */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Missing scope: `urn:posthaste:problem:missing_scope`
             *
             *     Missing scope: `urn:posthaste:problem:missing_scope`
             */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Too many requests: `urn:posthaste:problem:rate_limited`
             *
             *     Too many requests: `urn:posthaste:problem:rate_limited`
             *
             *     Too many requests: `urn:posthaste:problem:rate_limited`
             */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    getSystem: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SystemDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Forbidden: `urn:posthaste:problem:forbidden` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    startDemo: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DemoDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Forbidden: `urn:posthaste:problem:forbidden` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Not found: `urn:posthaste:problem:not_found`
             *
             *     Not found: `urn:posthaste:problem:not_found`
             */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    listAuditLog: {
        parameters: {
            query?: {
                /** @description Items on a page. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Made at this time or later. */
                after?: string;
                /** @description Made before this time. */
                before?: string;
                action?: "tenant.created" | "tenant.updated" | "tenant.suspended" | "tenant.deleted" | "api_key.created" | "api_key.rotated" | "api_key.revoked" | "endpoint.created" | "endpoint.updated" | "endpoint.deleted" | "endpoint.tested" | "endpoint.secret_rotated" | "endpoint.secret_read" | "endpoint.replayed" | "endpoint.disabled" | "event.replayed" | "delivery.retried" | "delivery.cancelled" | "dead_letter.retried" | "dead_letter.resolved" | "dead_letter.bulk_retried" | "portal_link.created" | "session.created";
                /** @description Of an API key or portal link. */
                actor_id?: string;
                /** @description Of the endpoint, key, dead letter … that something was done to. */
                subject_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditPageDto"];
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /** @description Missing scope: `urn:posthaste:problem:missing_scope` */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
            /**
             * @description Validation failed: `urn:posthaste:problem:validation_failed`
             *
             *     Validation failed: `urn:posthaste:problem:validation_failed`
             */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
    live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @enum {string} */
                        status?: "live";
                    };
                };
            };
        };
    };
    ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ready, or degraded. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadinessDto"];
                };
            };
            /** @description Not ready. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadinessDto"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description Unauthorized: `urn:posthaste:problem:unauthorized` */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["ProblemDto"];
                };
            };
        };
    };
}
