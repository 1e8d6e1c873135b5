/** Questions to a store that go together: the first at once, and those that come while it is under way all at once after it. */

export class Gathered<Question, Answer> {
  readonly #ask: (questions: readonly Question[]) => Promise<readonly Answer[]>
  /** Questions of one asking. */
  readonly #countMax: number
  #waiting: Asked<Question, Answer>[] = []
  #isUnderWay = false

  constructor(ask: (questions: readonly Question[]) => Promise<readonly Answer[]>, countMax: number) {
    this.#ask = ask
    this.#countMax = countMax
  }

  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject })
      if (!this.#isUnderWay) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isUnderWay = true
    while (this.#waiting.length > 0) await this.#askSome(this.#waiting.splice(0, this.#countMax))
    this.#isUnderWay = false
  }

  async #askSome(asked: readonly Asked<Question, Answer>[]): Promise<void> {
    try {
      const answers = await this.#ask(asked.map(({ question }) => question))
      // Sound: there is an answer to each question, in their order.
      asked.forEach(({ resolve }, place) => resolve(answers[place] as Answer))
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }
}

interface Asked<Question, Answer> {
  readonly question: Question
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}
