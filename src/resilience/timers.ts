/** The limits of an attempt and of a request, each a named default with its unit. Overridable per provider and route. */

/** TCP and TLS must stand by then. */
export const CONNECT_MS = 5_000
/** First content token, hosted providers. */
export const FIRST_TOKEN_HOSTED_MS = 60_000
/** First content token, local servers: a cold model loads for minutes. */
export const FIRST_TOKEN_LOCAL_MS = 300_000
/** Silence between tokens, hosted providers. */
export const IDLE_HOSTED_MS = 30_000
/** Silence between tokens, local servers. */
export const IDLE_LOCAL_MS = 120_000
/** One deadline over everything: retries, fallbacks, waits. */
export const DEADLINE_MS = 600_000
/** Upstream attempts for one request, transparent reconnects not counted. */
export const ATTEMPTS_MAX = 4
/** Second tries for one request, over all targets, where a route says nothing. */
export const RETRIES = 2
/** After the terminal, how long to wait for trailing usage before the upstream is closed. */
export const DRAIN_AFTER_TERMINAL_MS = 2_000
/** After the finish reason, how long a socket may stay open without the terminal marker (fault 60 allows 8 s). */
export const TERMINAL_MARKER_MS = 5_000
/** Silence on a committed stream after which a heartbeat is written. */
export const HEARTBEAT_MS = 15_000
/** With another target free, a hosted provider that has said nothing by then is raced, as long as too little is known of it. */
export const FIRST_TOKEN_SOFT_MS = 10_000
/** Where its times are known: so many times its p99. */
export const FIRST_TOKEN_SOFT_SHARE = 1.5
/** And never sooner than this: a provider that is always quick may be slow once. */
export const FIRST_TOKEN_SOFT_MIN_MS = 2_000
