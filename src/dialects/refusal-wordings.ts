/**
 * The sentences providers refuse with, as data, for those whose codes say little. Collected from the providers' documents,
 * SDKs and recordings; add to it freely, a new wording belongs here and nowhere else.
 */

import type { ErrorCode } from '../errors/codes.ts'

/** One reading of a message: where it applies, and what it then means. */
export interface Wording {
  readonly code: ErrorCode
  readonly pattern: RegExp
  appliesTo(status: number): boolean
}

const anywhere = () => true
const embedded = (status: number) => status < 400
const isRefusal = (status: number) => status !== 429 && status !== 498 && status !== 529
const isClientClass = (status: number) =>
  (status >= 400 && status < 500 && status !== 429) || embedded(status)
/** Where a wording may speak of the credential. Any other status judges the request, or the servers. */
const isAboutCredential = (status: number) => embedded(status) || credentialStatuses.has(status)
const credentialStatuses: ReadonlySet<number> = new Set([400, 401, 402, 403, 429])
const isBusyClass = (status: number) =>
  embedded(status) || status === 429 || status === 498 || status === 503 || status === 529

/** Every alternative is a plain phrase or a bounded gap, so that no message can make the search slow. */
const any = (...phrases: readonly string[]) => new RegExp(phrases.join('|'), 'i')

const ACCOUNT =
  '(?:api[- ]?key|(?:your|this) key|access token|oauth token|credentials?|account|organi[sz]ation|team|workspace|consumer)'
const BARRED =
  '(?:disabled|deactivated|suspended|revoked|restricted|blocked|banned|terminated|deleted|expired|locked)'
/** The account itself is the subject: "web search for your organization is disabled" speaks of a feature. */
const ACCOUNT_IS_BARRED =
  '(?:^|[.,:;!] ?)(?:(?:your|this|the) )?' +
  `${ACCOUNT}(?: [^\\s.]{1,80}){0,3} (?:is|was|has been|have been)(?: currently| temporarily| permanently)? ${BARRED}`

/**
 * Codes that speak of the credential, and so stop every model that it serves. A message may say a client's own words
 * back: their wordings are looked for in the provider's own words only.
 */
export const credentialWide: ReadonlySet<ErrorCode> = new Set(['insufficient_quota', 'upstream_auth'])

/** In the order they are tried: what blames least first, so that one client's request does not harm another's. */
export const wordings: readonly Wording[] = [
  {
    code: 'upstream_model_not_found',
    appliesTo: isClientClass,
    pattern: any(
      'model not found',
      'model .{0,160}(?:does not exist|not found|was not found|is not found|not exist)',
      'models/.{0,120}is not found',
      'is not a valid model',
      'invalid model',
      'unknown model',
      'no such model',
      'model identifier is invalid',
      'decommissioned',
      'supported api model names are',
      'was deprecated on',
      'reached the end of its life',
      'on-demand throughput',
      'not a chat model',
      'not supported with the responses api',
      'not allowed to sample from this model',
      'access to (?:the |this )?model',
      'not allowed to access model',
      'model access denied',
      'no allowed providers',
      'no endpoints found(?! that)',
      'deployment .{0,80}does not exist',
    ),
  },
  {
    // Each names one model, or the free ones: what the credential serves beside them is not touched by it.
    code: 'model_quota_exhausted',
    appliesTo: (status) => status < 500,
    pattern: any(
      'perday[a-z]{0,40}permodel',
      'permodel[a-z]{0,40}perday',
      'free_tier\\w{0,80}, limit: 0\\b',
      'free tier of the model has been exhausted',
      'free-models-per-day',
      // Not one token of this model can be paid for; of a cheaper one perhaps.
      'can only afford (?:0\\b|-)',
      'prompt tokens limit exceeded: \\d{1,12} > (?:0\\b|-)',
    ),
  },
  {
    // A smaller request would be served.
    code: 'request_over_limit',
    appliesTo: (status) => status < 500,
    pattern: any('fewer max_tokens', 'can only afford \\d', 'prompt tokens limit exceeded'),
  },
  {
    // The same code means "no money" at OpenAI and "slower, please" at DashScope and Gemini.
    code: 'rate_limited',
    appliesTo: isBusyClass,
    pattern: any(
      'requests? rate limit exceeded',
      'allocated quota exceeded',
      'request rate increased too quickly',
      'quota exceeded for quota metric .{0,120}per minute',
      'per(?:minute|second)(?:per|-free)',
      'check your plan.{0,400}please (?:retry|try again) in \\d',
    ),
  },
  {
    code: 'insufficient_quota',
    appliesTo: (status) => isAboutCredential(status) || status === 503,
    pattern: any(
      'exceeded your current quota',
      'credit balance is too low',
      'insufficient (?:account )?(?:balance|credits?|funds)',
      'balance is insufficient',
      'overdue balance',
      'credit card on file',
      'used all available credits',
      'monthly spending limit',
      'spend(?:ing)? limit',
      'monthly included credits',
      'billing hard limit',
      'account is not active',
      'out of credits',
      'never purchased credits',
      'requires more credits',
      'key limit exceeded',
      'payment required',
      'overdue.payment',
      'account is in good standing',
      'api usage limits\\. you will regain access',
      'perday(?:per|-)',
    ),
  },
  {
    code: 'request_over_limit',
    appliesTo: (status) => status === 429 || status === 413,
    pattern: any('request too large for .{0,200}per min', 'must be reduced in order to run'),
  },
  {
    code: 'context_length_exceeded',
    appliesTo: isRefusal,
    pattern: any(
      'maximum context length',
      'max context length',
      'maximum model length',
      'maximum prompt length',
      'model.s context length',
      'exceeds? the (?:model.s )?(?:maximum )?context',
      'exceeds? the available context',
      'exceeds? (?:the )?context (?:window|limit|length|size)',
      'context (?:window|size|length) (?:has been |was )?exceed',
      'context the overflows',
      'context overflow',
      'loaded with context length',
      'greater than the context length',
      'less than the context length',
      'prompt is too long',
      'prompt too long',
      'prompt 超长',
      'prompt exceeds max length',
      'input is too long',
      'input is too large to process',
      'input tokens exceed',
      'too many input tokens',
      'too many tokens: ',
      'token count .{0,40}exceeds the (?:maximum|limit)',
      'tokens .{0,40}cannot exceed the total tokens',
      'number of input tokens exceeds',
      'exceeded model token limit',
      'total length of all messages is too long',
      'reduce the length of (?:the messages|either one)',
      'range of input length should be',
      'max_new_tokens. must be <=',
      'input must be fewer than \\d+ tokens',
      'inputs. must have less than \\d+ tokens',
      'request body too large for .{0,80}max size: \\d+ tokens',
    ),
  },
  {
    code: 'content_policy',
    appliesTo: (status) => isClientClass(status) || status === 500,
    pattern: any(
      'content management policy',
      'content filtering policy',
      'content policy',
      'usage polic(?:y|ies)',
      'usage guidelines',
      'safety system',
      'flagged as potentially',
      'was flagged',
      'flagged by',
      'requires moderation',
      'inappropriate content',
      '不安全或敏感内容',
      'content exists risk',
      'unsafe or sensitive content',
      'considered high risk',
      'prohibited content',
    ),
  },
  {
    // Only what names the key, the account or the organisation itself. A permission that lacks says nothing against them.
    code: 'upstream_auth',
    appliesTo: isAboutCredential,
    pattern: any(
      '(?:incorrect|invalid|missing|no|expired|wrong) (?:x-)?(?:api|subscription)[- ]key',
      'api[- ]key (?:not valid|is invalid|is missing|expired|not found)',
      'api[- ]key was reported as leaked',
      'api[- ]key has an ip address restriction',
      ACCOUNT_IS_BARRED,
      `access denied for (?:(?:this|your|the) )?(?:${ACCOUNT}|key)`,
      'access was terminated',
      'oauth authentication is (?:currently )?not allowed',
      '\\bip(?: address)?(?: [\\d.:a-f]{3,45})? (?:is |was )?(?:not authorized|unauthorized|not allowed|not whitelisted)',
      'unauthorized ip\\b',
      'virtual network/firewall rules',
      'public access is disabled',
      'requests from (?:referer|this .{1,40} client application)',
      'authentication fails',
      'missing authentication',
      'invalid authentication',
      'authentication method does not have',
      'no (?:cookie )?auth credentials',
      'unregistered callers',
      'security token included in the request',
      'signature expired',
      'request signature we calculated',
      // Google's reasons.
      'api_key_(?:invalid|expired|http_referrer_blocked|ip_address_blocked|(?:android|ios)_app_blocked)',
      'consumer_(?:suspended|invalid)',
    ),
  },
  {
    code: 'upstream_forbidden',
    appliesTo: isClientClass,
    pattern: any('user location is not supported', 'country, region, or territory not supported'),
  },
  {
    code: 'rate_limited',
    appliesTo: isBusyClass,
    pattern: any('rate.limit', 'rate exceeded', 'too many requests', 'throttl', 'limited to \\d+ requests'),
  },
  {
    code: 'upstream_overloaded',
    appliesTo: (status) => status >= 500 || isBusyClass(status),
    pattern: any(
      'overloaded',
      'at capacity',
      'server busy',
      'server is busy',
      'high demand',
      'high traffic',
      'insufficient system resource',
      'no available (?:capacity|server|instance|worker)',
    ),
  },
  {
    code: 'upstream_tool_use_failed',
    appliesTo: anywhere,
    pattern: any('failed to call a function\\. please adjust your prompt'),
  },
]
