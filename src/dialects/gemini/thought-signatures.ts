/**
 * Gemini 3 wants a signature on the first call of each turn, and refuses a history without. For calls that another model
 * made, Google documents words that stand in for one (ai.google.dev/gemini-api/docs/thought-signatures).
 */

export const PLACEHOLDER_SIGNATURE = 'skip_thought_signature_validator'

const placeholders: ReadonlySet<string> = new Set([
  PLACEHOLDER_SIGNATURE,
  'context_engineering_is_the_way_to_go',
])

/** Says nothing that anybody else could read. In JSON of bytes it may stand as base64. */
export function isPlaceholderSignature(signature: string): boolean {
  return placeholders.has(signature) || placeholders.has(Buffer.from(signature, 'base64').toString())
}

/** Whether a model wants signatures back: those of the third generation and later, which `latest` stands for. */
export function wantsSignatures(modelId: string): boolean {
  return generationOf(modelId) >= 3 || /(?:^|[/.])gemini-[a-z-]*latest$/.test(modelId)
}

/** 2.5 for `gemini-2.5-flash`; NaN for a model whose name says nothing. */
export function generationOf(modelId: string): number {
  return Number(/(?:^|[/.])gemini-(\d+(?:\.\d+)?)/.exec(modelId)?.[1] ?? Number.NaN)
}
