/**
 * What a Claude model's name says of the parameters it takes. Anthropic ties them to the model's version: thinking with
 * a budget came with 3.7, adaptive thinking with 4.6, and after 4.6 sampling parameters are refused. Since 4.6 the
 * conversation must end with the user's message (github.com/QwenLM/qwen-code/issues/8039). A name without a
 * version (an alias, another maker's model behind this API) is taken to follow the older rules that all of them copy.
 */

export interface ModelTraits {
  readonly thinking: 'none' | 'budget' | 'adaptive'
  /** Takes temperature, top_p and top_k. */
  readonly takesSampling: boolean
  /** Takes temperature and top_p together. */
  readonly takesTemperatureWithTopP: boolean
  /** Goes on with a message of the assistant that ends the conversation; a name without a version promises nothing. */
  readonly takesPrefill: boolean
  /** Takes the effort `xhigh`. */
  readonly takesExtraEffort: boolean
}

export function modelTraits(modelId: string): ModelTraits {
  const version = claudeVersion(modelId)
  if (version === undefined) {
    return {
      thinking: 'budget',
      takesSampling: true,
      takesTemperatureWithTopP: true,
      takesPrefill: false,
      takesExtraEffort: true,
    }
  }
  return {
    thinking: version >= 406 ? 'adaptive' : version >= 307 ? 'budget' : 'none',
    takesSampling: version <= 406,
    takesTemperatureWithTopP: version < 401,
    takesPrefill: version < 406,
    takesExtraEffort: version > 406,
  }
}

/** Hundreds for the major version, units for the minor (4.6 is 406); dates are no versions. */
function claudeVersion(modelId: string): number | undefined {
  const name = /claude-(.{1,100})/i.exec(modelId)?.[1]
  const found = name && /(?:^|[^0-9])(\d{1,2})(?:[-.](\d{1,2}))?(?![0-9])/.exec(name)
  if (!found) return undefined
  return Number(found[1]) * 100 + Number(found[2] ?? 0)
}
