/** 0.25 → 25.00 %. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`
}

/** In the binary units of memory: 45437760 → 43.3 MiB. */
export function bytes(count: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log2(count) / 10))
  return step === 0 ? `${count} bytes` : `${(count / 2 ** (10 * step)).toFixed(1)} ${units[step]}`
}

/** 1 → `1 text`, 2 → `2 texts`. */
export function several(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}

/** The shortest decimal that is this float32 again, as a number: 0.1, not 0.10000000149011612. */
export function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}
