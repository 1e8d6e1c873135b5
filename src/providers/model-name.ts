/**
 * The names under which one model goes: dated, at a region, with a vendor in front, fine-tuned. Facts are looked up by
 * what is left when all that is taken away.
 */

export interface ModelName {
  /** Equal for names of the same model. */
  readonly key: string
  /** The day in the name, `''` where it has none: of two dated models the later one is meant by the bare name. */
  readonly date: string
  /** What was taken away changes the price: a fine-tuned model, a free or a faster variant. */
  readonly isPricedApart: boolean
}

export function parseModelName(modelId: string): ModelName {
  const whole = modelId.toLowerCase()
  const tuned = whole.startsWith('ft:') ? (whole.split(':')[1] ?? '') : whole
  const bare = withoutPath(tuned)
  const variant = variants.find((suffix) => bare.endsWith(suffix))
  const named = variant === undefined ? bare : bare.slice(0, -variant.length)
  const versioned = named.replace(region, '').replace(version, '')
  const dated = dates.exec(versioned)
  const key = (dated ? versioned.slice(0, dated.index) : versioned).replace(aliases, '').replaceAll('.', '-')
  return {
    key,
    date: dated?.[1]?.replaceAll('-', '') ?? '',
    isPricedApart: tuned !== whole || variant !== undefined,
  }
}

/** `models/gemini-2.5-pro`, `anthropic/claude-opus-4`, an ARN of Amazon: the last segment names the model. */
function withoutPath(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

/** OpenRouter's variants of one model. */
const variants = [':free', ':nitro', ':floor', ':online', ':extended', ':thinking', ':exacto', ':beta']

/** Amazon's inference profiles and the vendor in front, as in `us.anthropic.claude-opus-4`. */
const region =
  /^(?:(?:us|eu|apac|global|au|jp|ca|us-gov)\.)?(?:(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|google|minimax|moonshot|moonshotai|nvidia|writer|zai|stability)\.)?/

/** Amazon's version of a model, with the size of its context behind it: `-v1:0`, `-v2:0:200k`, `:0`. `claude-v2` is a name. */
const version = /(?:(?<!claude)-v\d+)?:\d+(?::\d+k)?$/

/** `-20250929`, `@20250929`, `-2024-07-18`, `-0613` stays: it is a model of its own. */
const dates = /[-@](20\d{6}|20\d\d-\d\d-\d\d)$/

/** Names that mean the newest one. */
const aliases = /(?:[-@:]latest|@default)$/
