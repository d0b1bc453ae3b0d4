/** The options that were given, each read as what it has to be. */
export class OptionValues {
  readonly #values: ReadonlyMap<string, string | true>

  constructor(values: ReadonlyMap<string, string | true>) {
    this.#values = values
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  flag(name: string): boolean {
    return this.#values.has(name)
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    return value === true ? undefined : value
  }

  /** @throws TypeError when it is not given */
  required(name: string, why: string): string {
    const value = this.text(name)
    if (value !== undefined) return value
    throw new TypeError(`Expected --${name}, got none. ${why}`)
  }

  /** @throws TypeError when it is given and not a whole number in digits */
  whole(name: string, least = 0): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const number = Number(value)
    if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number >= least) return number
    throw new TypeError(`Expected --${name} to be a whole number from ${least}, got '${value}'.`)
  }
}
