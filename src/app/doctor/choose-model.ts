/** Which model to try a provider with: one the operator named, a small one from its list, or the example we know. */

import type { ConfiguredProvider, ConfiguredRoute } from '../config/config.ts'

export function chooseModel(
  { provider, models }: ConfiguredProvider,
  routes: readonly Pick<ConfiguredRoute, 'targets'>[],
  listed: readonly string[] | undefined,
): string | undefined {
  const prefix = `${provider.id}/`
  const routed = routes.flatMap((route) => route.targets).find((target) => target.startsWith(prefix))
  if (routed !== undefined) return routed.slice(prefix.length)
  if (models?.[0] !== undefined) return models[0]
  const chatting = (listed ?? []).filter((name) => !otherThanChat.test(name))
  return chatting.find((name) => small.test(name)) ?? chatting[0] ?? provider.exampleModel
}

/** Small models are cheap and quick; whether the provider works they tell as well. */
const small = /mini|flash|haiku|small|lite|nano|instant|turbo|[^\d][1-9]b\b/i
const otherThanChat =
  /embed|whisper|tts|audio|image|dall-e|moderation|realtime|transcri|rerank|guard|search|ocr|speech|video|veo|imagen|sora|davinci|babbage|codex|bge|-base\b/i
