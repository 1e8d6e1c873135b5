/** A type that cannot be swapped for another of the same shape by mistake. */
export type Brand<Base, Name extends string> = Base & { readonly __brand: Name }
